/** The package ships types for its bare name only; under ESM its Node entry has no named exports. */
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export * from 'wgsl_reflect';
}
