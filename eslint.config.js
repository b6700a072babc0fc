import js from '@eslint/js'
import ts from 'typescript-eslint'
import svelte from 'eslint-plugin-svelte'

export default ts.config(
  { ignores: ['out/', 'dist/', 'native/build/', 'node_modules/', 'tools/', 'test-results/', 'resources/', '.cache/'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'] } } },
  {
    rules: {
      'no-undef': 'off',
      // Published coefficients are written as published, control characters are what some text really holds, and a Map that nothing
      // on screen reads need not be reactive.
      'no-loss-of-precision': 'off',
      'no-control-regex': 'off',
      'no-empty-pattern': 'off',
      'no-unused-private-class-members': 'off',
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-useless-mustaches': 'off',
      'svelte/no-useless-children-snippet': 'off',
      'svelte/prefer-writable-derived': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-imports': ['error', { paths: [{ name: 'electron', message: 'only the five shell files may import electron' }] }],
    },
  },
  {
    files: ['src-main/index.ts', 'src-main/window.ts', 'src-main/menu.ts', 'src-main/bridge.ts', 'src-preload/index.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
)
