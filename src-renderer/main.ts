/** The window's entry: connects to the lab, follows the address, shows the application. */
import './strictPage.ts'
import { mount } from 'svelte'
import './style/index.ts'
import { facesReady } from './style/faces.ts'
import App from './App.svelte'
import { connectLab } from './state/client.svelte.ts'
import { place } from './state/route.svelte.ts'

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no element with the id "app"')
// The token leaves the address before the address is read as a link.
connectLab()
place.follow()
void facesReady().then(() => mount(App, { target }))
