// Finds a Node new enough to run TypeScript sources directly: the host's own, else the one npm brought as an optional
// dependency. Plain CommonJS in old syntax on purpose: this file must run on whatever Node the host has.
'use strict';
var path = require('path');
var fs = require('fs');

var MINIMUM_MAJOR = 24;

/** @returns {string} absolute path of a Node >= 24, or exits with status 2 and says what to do. */
function selectNode() {
  var major = Number(process.versions.node.split('.')[0]);
  if (major >= MINIMUM_MAJOR) return process.execPath;
  var name = 'node-' + process.platform + '-' + process.arch;
  var bundled = path.join(__dirname, '..', 'node_modules', name, 'bin', 'node');
  if (fs.existsSync(bundled)) return bundled;
  process.stderr.write(
    'HF-1001 Holdfast needs Node ' + MINIMUM_MAJOR + ' or newer; this is ' + process.version +
    ', and the copy that npm installs (' + name + ') is not there.\n' +
    'next    run "npm ci" in ' + path.join(__dirname, '..') + ', or install Node ' + MINIMUM_MAJOR + '.\n');
  process.exit(2);
}

/** Replaces this process, as far as Node can: runs the script, passes signals on, ends as it ended. */
function run(args) {
  var node = selectNode();
  var childProcess = require('child_process');
  var env = Object.assign({}, process.env);
  if (!env.NODE_COMPILE_CACHE) env.NODE_COMPILE_CACHE = path.join(__dirname, '..', '.holdfast', 'compile-cache');
  var child = childProcess.spawn(node, args, { stdio: 'inherit', env: env });
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(function (signal) {
    // A terminal sends Ctrl-C to the whole group, so the child has it already; from elsewhere it must be passed on.
    process.on(signal, function () { if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal); });
  });
  child.on('exit', function (code, signal) {
    if (signal) { process.removeAllListeners(signal); process.kill(process.pid, signal); } else process.exit(code);
  });
}

module.exports = { selectNode: selectNode, run: run, MINIMUM_MAJOR: MINIMUM_MAJOR };
