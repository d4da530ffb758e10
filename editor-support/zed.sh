#!/bin/sh
# Writes the Zed extension, ready for "zed: install dev extension", to a folder: editor-support/zed.sh FOLDER.
# Zed builds the grammar from the last commit of this checkout.
set -eu
folder=${1:?"usage: editor-support/zed.sh FOLDER"}
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(git -C "$here" rev-parse --show-toplevel)
revision=$(git -C "$here" rev-parse HEAD)
mkdir -p "$folder"
cp -R "$here/zed/." "$folder"
sed -e "s|CHECKOUT|$checkout|" -e "s|REVISION|$revision|" "$here/zed/extension.toml" > "$folder/extension.toml"
echo "wrote $folder; in Zed, run \"zed: install dev extension\" and choose it"
