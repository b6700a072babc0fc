#!/usr/bin/env node
// Stands in for fpm, which electron-builder fetches to make .deb and .rpm: the same words in, the same files laid out, by dpkg-deb and rpmbuild.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const words = process.argv.slice(2)
const given = { d: [], 'deb-recommends': [] }
const files = []
for (let at = 0; at < words.length; at++) {
  const word = words[at]
  if (!word.startsWith('-')) files.push(word)
  else if (word.includes('=')) given[word.slice(2, word.indexOf('='))] = word.slice(word.indexOf('=') + 1)
  else if (word === '--force') continue
  else {
    const name = word.replace(/^--?/, '')
    const value = words[++at]
    if (Array.isArray(given[name])) given[name].push(value)
    else given[name] = value
  }
}

const work = mkdtempSync(join(tmpdir(), 'mrt-package-'))
const tree = join(work, 'tree')
for (const each of files) {
  const [from, to] = each.split('=')
  const target = join(tree, to)
  mkdirSync(dirname(target), { recursive: true })
  cpSync(from.replace(/\/$/, ''), target, { recursive: true, verbatimSymlinks: true })
}
const [summary, ...about] = given.description.split('\n').map((line) => line.trim())
const script = (name) => readFileSync(given[name], 'utf8')
try {
  if (given.t === 'deb') makeDeb()
  else if (given.t === 'rpm') makeRpm()
  else throw new Error(`no way here to make a ${given.t}`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

function makeDeb() {
  const control = join(tree, 'DEBIAN')
  mkdirSync(control)
  const fields = {
    Package: given.name,
    Version: given.version,
    License: given.license,
    Vendor: given.vendor,
    Architecture: given.architecture,
    Maintainer: given.maintainer,
    'Installed-Size': Number(execFileSync('du', ['-sk', tree], { encoding: 'utf8' }).split('\t')[0]),
    Depends: given.d.join(', '),
    Recommends: given['deb-recommends'].join(', '),
    Section: given.category,
    Priority: given['deb-priority'],
    Homepage: given.url,
    Description: [summary || given.name, ...about.filter((line) => line !== '').map((line) => ` ${line}`)].join('\n'),
  }
  writeFileSync(
    join(control, 'control'),
    Object.entries(fields)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `${name}: ${value}\n`)
      .join(''),
  )
  for (const [name, option] of [
    ['postinst', 'after-install'],
    ['postrm', 'after-remove'],
  ]) {
    writeFileSync(join(control, name), script(option))
    chmodSync(join(control, name), 0o755)
  }
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, given.package], { stdio: ['ignore', 'ignore', 'inherit'] })
}

function makeRpm() {
  const spec = join(work, 'package.spec')
  const tops = execFileSync('find', [tree, '-type', 'f', '-o', '-type', 'l'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((path) => `"${path.slice(tree.length)}"`)
  writeFileSync(
    spec,
    [
      '%global __os_install_post %{nil}',
      '%global debug_package %{nil}',
      '%global __requires_exclude .*',
      '%global __provides_exclude .*',
      '%define _build_id_links none',
      '%define _binary_payload w2.xzdio',
      `Name: ${given.name}`,
      `Version: ${given.version.replaceAll('-', '_')}`,
      'Release: 1',
      `Summary: ${given['rpm-summary'] ?? summary}`,
      `License: ${given.license}`,
      `URL: ${given.url}`,
      `Vendor: ${given.vendor}`,
      ...given.d.map((each) => `Requires: ${each}`),
      'AutoReqProv: no',
      '%description',
      given.description,
      '%install',
      `cp -a "${tree}/." "%{buildroot}/"`,
      '%post',
      script('after-install'),
      '%postun',
      script('after-remove'),
      '%files',
      ...tops,
      '',
    ].join('\n'),
  )
  execFileSync(
    'rpmbuild',
    [
      '-bb',
      '--quiet',
      '--target',
      given.architecture === 'amd64' ? 'x86_64' : given.architecture,
      '--define',
      `_topdir ${join(work, 'rpm')}`,
      '--define',
      `_rpmdir ${dirname(given.package)}`,
      '--define',
      `_rpmfilename ${basename(given.package)}`,
      spec,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  statSync(given.package)
}
