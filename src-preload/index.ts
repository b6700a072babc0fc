// The one bridge into a desktop window: calls of the contract out, what the lab says in, and where a dropped file lies. A message that is
// not a call of a known method never leaves the window; the channel itself is not handed over.
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { callMessage, methodNamed, type Exposed, type HostMessage } from './contract.ts'

const CHANNEL = 'mrt'

const exposed: Exposed = {
  send(message) {
    const call = callMessage.parse(message)
    if ('method' in call && methodNamed(call.method) === null) throw new TypeError(`no method ${call.method}`)
    ipcRenderer.send(CHANNEL, call)
  },
  listen(onMessage) {
    ipcRenderer.removeAllListeners(CHANNEL)
    ipcRenderer.on(CHANNEL, (_event, message: HostMessage) => onMessage(message))
    // Whoever listens first hears how things are.
    ipcRenderer.send(CHANNEL, 'listening')
  },
  pathOf: (file) => webUtils.getPathForFile(file),
}

contextBridge.exposeInMainWorld('mrt', exposed)
