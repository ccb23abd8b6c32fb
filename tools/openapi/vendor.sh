#!/usr/bin/env bash
# Takes the page at /docs over from the package that package-lock.json names: change its version there, then run this.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --silent --no-progress
for file in swagger-ui-bundle.js swagger-ui.css; do
	gzip -9nc "node_modules/swagger-ui-dist/$file" >"../../internal/web/openapi/docs/$file.gz"
done
cp node_modules/swagger-ui-dist/LICENSE ../../internal/web/openapi/docs/swagger-ui.LICENSE
cp node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt ../../internal/web/openapi/docs/
