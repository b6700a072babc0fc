// In the smoke run only: the lab starts through a file that gives it what this Electron's V8 lacks, and the driver may ask the main process
// over a socket that only this user can open. Evaluated before the product's main file, of which nothing is changed.
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const electron = createRequire(import.meta.url)('electron')
const { app, utilityProcess } = electron
const fork = utilityProcess.fork.bind(utilityProcess)
utilityProcess.fork = (entry, ...rest) => fork(join(import.meta.dirname, 'lab.js'), ...rest)

// Replies to questions of the driver go to the page as well, which does not know their numbers and lets them be.
const replies = new Map()
globalThis.smokeReplies = {
  take: (id) => {
    const found = replies.get(id) ?? null
    replies.delete(id)
    return found
  },
}
app.on('web-contents-created', (_event, contents) => {
  const send = contents.send.bind(contents)
  contents.send = (channel, message) => {
    if (typeof message?.id === 'number' && message.id > 900_000_000) replies.set(message.id, message)
    send(channel, message)
  }
})

const address = process.env.SMOKE_SOCKET
if (address !== undefined) {
  const Ask = Object.getPrototypeOf(async () => {}).constructor
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', async (line) => {
      const { id, code, given } = JSON.parse(line)
      let answer
      try {
        answer = { id, value: await new Ask('electron', 'given', `return (${code})(electron, given)`)(electron, given) }
      } catch (error) {
        answer = { id, error: error.stack ?? String(error) }
      }
      socket.write(`${JSON.stringify(answer)}\n`)
    })
    socket.on('error', () => {})
  })
  // Somebody who starts the program a second time asks nothing.
  server.on('error', () => {})
  server.listen(address)
  server.unref()
}
