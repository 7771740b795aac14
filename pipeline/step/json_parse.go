package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
)

func jsonParse() Definition {
	return Define("json-parse", Workspace, Doc{
		Summary: "Reads values from a JSON file.\n\n" + parsing,
		Example: `
uses: json-parse
as: config
config:
  path: src/package.json
  outputs:
    - name: version
      fromExpression: version
`,
	}, func(ctx context.Context, env Env, c ParseConfig) (Values, error) {
		return parseFile(ctx, env, c, decodeJSON)
	})
}

func decodeJSON(src []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	dec.UseNumber()
	var document any
	if err := dec.Decode(&document); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the document")
	}
	return document, nil
}
