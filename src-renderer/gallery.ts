/**
 * The gallery's entry: every chart mark and every part in its designed states, on example data that says so.
 * The address chooses the appearance: gallery.html?theme=dark&contrast=more&size=1.25, and figures=420 fixes
 * the width of the figures so that pictures of them can be compared.
 */
import { mount } from 'svelte'
import './style/index.ts'
import Gallery from './Gallery.svelte'
import { facesReady } from './style/faces.ts'
import { applyAppearance, defaultAppearance, type Appearance } from './style/appearance.ts'

const asked = new URLSearchParams(location.search)
const among = <T extends string>(name: string, allowed: readonly T[], otherwise: T): T =>
  allowed.find((value) => value === asked.get(name)) ?? otherwise

const appearance: Appearance = {
  theme: among('theme', ['system', 'light', 'dark'], defaultAppearance.theme),
  contrast: among('contrast', ['system', 'normal', 'more'], defaultAppearance.contrast),
  textSize: Number(asked.get('size') ?? 1) || 1,
}

const target = document.getElementById('gallery')
if (!target) throw new Error('gallery.html has no element with the id "gallery"')
void facesReady().then(() =>
  mount(Gallery, { target, props: { appearance, change: applyAppearance, figures: Number(asked.get('figures')) || undefined } }),
)
