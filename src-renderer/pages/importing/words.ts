/** Texts of files as they stand in one line of a table: long ones are cut, line breaks become signs. */
const LETTERS = 240

export const oneLine = (text: string): string => {
  const line = text.replace(/\s*\n\s*/g, ' ⏎ ')
  return line.length > LETTERS ? `${line.slice(0, LETTERS)} …` : line
}
