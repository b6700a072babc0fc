/**
 * The entry of a report: reads the comparison that the lab wrote into this page and shows it. There is no laboratory behind it
 * and nothing to fetch; the address keeps what is shown, as in the application.
 */
import './strictPage.ts'
import { mount } from 'svelte'
import './style/index.ts'
import { facesReady } from './style/faces.ts'
import { REPORT_ELEMENT, type ReportData } from '../src-preload/contract.ts'
import Report from './report/Report.svelte'
import { recordedTransport } from './report/recorded.ts'
import { lab } from './state/client.svelte.ts'
import { href, place } from './state/route.svelte.ts'

const target = document.getElementById('report')
const carried = document.getElementById(REPORT_ELEMENT)?.textContent
if (!target || carried === undefined) throw new Error('the page of a report has lost its elements')
const data = JSON.parse(carried) as ReportData | null

if (data === null) target.textContent = 'This is the empty page of reports; the program writes comparisons into copies of it.'
else {
  if (window.location.hash === '')
    window.history.replaceState(
      null,
      '',
      href('compare', {
        runs: data.runs.map(({ run }) => run.id).sort((a, b) => a - b),
        budget: data.budget,
        baseline: data.baseline,
        ...(data.groupBy === 'run' && { by: 'run' as const }),
      }),
    )
  lab.connect(recordedTransport(data))
  place.follow()
  void facesReady().then(() => mount(Report, { target, props: { data } }))
}
