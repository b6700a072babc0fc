/** The bundled faces, there before anything is drawn: words do not change their width under a reader. */

/** Upright weights; a variable file holds them all, so one weight of each face loads it. */
const FACES = ['400 13px Inter', "400 13px 'JetBrains Mono'"]
/** Latin and Greek, one file each. */
const SAMPLE = 'aα'
/** Longer than a file of this machine takes; after it the page is drawn with what is there. */
const WAIT_MS = 1500

/** Resolves when both faces can be drawn with, or when that takes too long. Never rejects. */
export async function facesReady(): Promise<void> {
  const loaded = Promise.all(FACES.map((face) => document.fonts.load(face, SAMPLE)))
  await Promise.race([loaded, new Promise((late) => setTimeout(late, WAIT_MS))]).catch(() => {})
}
