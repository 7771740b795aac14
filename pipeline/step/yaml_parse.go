package step

import (
	"context"
	"encoding/json"
	"errors"

	"sigs.k8s.io/yaml"
)

func yamlParse() Definition {
	return Define("yaml-parse", Workspace, Doc{
		Summary: `Reads values from the first document of a YAML file.

Types are those of YAML 1.1, as in Kargo and Kubernetes: ` + "`on`, `yes`" + ` and the like are booleans.

` + parsing,
		Example: `
uses: yaml-parse
as: values
config:
  path: src/env/prod/values.yaml
  outputs:
    - name: tag
      fromExpression: image.tag
`,
	}, func(ctx context.Context, env Env, c ParseConfig) (Values, error) {
		return parseFile(ctx, env, c, decodeYAML)
	})
}

func decodeYAML(src []byte) (any, error) {
	var document any
	err := yaml.Unmarshal(src, &document, func(d *json.Decoder) *json.Decoder {
		d.UseNumber()
		return d
	})
	if err == nil && document == nil {
		err = errors.New("the first document is empty")
	}
	return document, err
}
