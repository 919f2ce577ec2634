// Stands in for '@duckdb/node-api' in the bundles. An ES module on Lambda finds nothing in a layer, because
// `import` does not look at NODE_PATH; `require` does. The name is put together so that esbuild leaves it alone.
module.exports = require(['@duckdb', 'node-api'].join('/'))
