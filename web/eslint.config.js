import vitest from '@vitest/eslint-plugin'
import { defineConfigWithVueTs, vueTsConfigs } from '@vue/eslint-config-typescript'
import prettier from 'eslint-config-prettier/flat'
import vue from 'eslint-plugin-vue'

/** Pages -> composables -> stores -> api; components know only each other, and others' types. */
function mayNotImport(files, folders, message) {
  const patterns = [{ group: folders, message, allowTypeImports: true }]
  return {
    files,
    ignores: ['**/*.spec.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  }
}

export default defineConfigWithVueTs(
  { ignores: ['dist'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  vue.configs['flat/recommended'],
  vueTsConfigs.recommendedTypeChecked,
  {
    rules: {
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/define-macros-order': 'error',
      'vue/no-ref-object-reactivity-loss': 'error',
      'vue/no-unused-refs': 'error',
      'vue/require-explicit-emits': 'error',
      'vue/no-v-html': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      'no-console': 'error',
    },
  },
  mayNotImport(
    ['src/components/**'],
    ['**/api/*', '**/composables/*', '**/stores/*', '**/pages/*', '**/App.vue'],
    'Components get props and send events.',
  ),
  mayNotImport(
    ['src/composables/**'],
    ['**/components/*', '**/pages/*', '**/App.vue'],
    'Composables know no components.',
  ),
  mayNotImport(
    ['src/stores/**'],
    ['**/components/*', '**/composables/*', '**/pages/*', '**/router', '**/App.vue'],
    'Stores know no pages.',
  ),
  mayNotImport(
    ['src/api/**'],
    ['**/components/*', '**/composables/*', '**/stores/*', '**/pages/*', '**/App.vue'],
    'The API client knows nothing of ours.',
  ),
  { files: ['src/**/*.spec.ts'], ...vitest.configs.recommended },
  prettier,
)
