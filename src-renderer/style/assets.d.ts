/** Style sheets are imported for their effect; Vite turns them into a linked file. */
declare module '*.css'
declare module '*.md?raw' {
  const text: string
  export default text
}
/** A picture becomes a file beside the pages; the name is its address. */
declare module '*.png' {
  const address: string
  export default address
}
