#!/bin/sh
# Packages the VS Code extension: writes editor-support/vscode/hpol.vsix. Needs Node.js 20 or newer with npm.
set -eu
cd "$(dirname "$0")/vscode"
npm install --no-audit --no-fund
npm run package
echo "wrote $(pwd)/hpol.vsix; install it with: code --install-extension hpol.vsix"
