/** The last part of a folder's path, on any system: what people call a workspace. */
export const workspaceName = (folder: string): string => folder.split(/[\\/]/).filter(Boolean).at(-1) ?? folder
