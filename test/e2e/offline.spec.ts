// The whole workbench, the lab's process and a browser with every page open, where whatever would leave this machine is refused and
// recorded: nothing is. The report of a comparison is opened from its file as well.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { chromium, expect, test } from '@playwright/test'
import { openOffline } from '../offline/offline.ts'
import { pagePaths } from './everyPage.ts'
import { copySample, letIn } from './workbench.ts'

test('every page and a report open without one attempt to reach another machine', async ({}, info) => {
  const offline = openOffline()
  const workspace = copySample(offline.folder)
  const lab = spawn(process.execPath, [resolve('src-main/cli.ts'), 'serve', '--workspace', workspace], {
    env: offline.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const browser = await chromium.launch({ ...info.project.use.launchOptions, env: offline.env as Record<string, string> })
  try {
    const url = await new Promise<string>((found) => {
      let said = ''
      lab.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        const address = /http:\/\/127\.0\.0\.1:\S+/.exec(said)?.[0]
        if (address) found(address)
      })
    })
    const page = await browser.newPage()
    const requested: string[] = []
    page.on('request', (request) => requested.push(request.url()))
    await page.goto(url)
    await letIn(page)
    for (const path of pagePaths) {
      await page.evaluate((to) => void (location.hash = to), path)
      await expect(page.getByRole('main')).not.toBeEmpty()
      await page.waitForTimeout(400)
    }
    const report = join(offline.folder, 'report.html')
    const writer = spawn(
      process.execPath,
      [resolve('src-main/cli.ts'), 'report', '--runs', '1,2', '--workspace', workspace, '--out', report],
      { env: offline.env, stdio: 'inherit' },
    )
    expect(await new Promise((ended) => writer.on('exit', ended))).toBe(0)
    await page.goto(`file://${report}`)
    await expect(page.getByRole('heading').first()).toBeVisible()
    expect(requested.length).toBeGreaterThan(6)
    expect(requested.filter((address) => !/^(http|ws):\/\/127\.0\.0\.1[:/]|^(file|data|blob):/.test(address))).toEqual([])
    // Chromium asks its own system, on every start, which way a packet to one known address would go (IPv6 or not), and sends none.
    expect(offline.attempts().filter((each) => !/^chrom\S* aim \[?2001:4860:4860::8888\]?:\d+$/.test(each))).toEqual([])
    // The recorder does see the browser.
    await page.goto('http://192.0.2.9:85/').catch(() => {})
    expect(offline.attempts().join('\n')).toContain('192.0.2.9:85')
  } finally {
    await browser.close()
    lab.kill('SIGINT')
    await new Promise((ended) => lab.on('exit', ended))
    offline.dispose()
  }
})
