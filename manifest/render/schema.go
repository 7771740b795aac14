package render

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
)

// checkSchemas checks values against the values.schema.json of a chart and its
// subcharts. A schema that refers to one elsewhere is an error, not a request.
func checkSchemas(chrt *chart.Chart, values map[string]any) error {
	if chrt.Schema != nil {
		if err := checkSchema(chrt.Schema, values); err != nil {
			return fmt.Errorf("values do not meet the schema of chart %s: %w", chrt.Name(), err)
		}
	}
	for _, sub := range chrt.Dependencies() {
		switch own := values[sub.Name()].(type) {
		case nil:
		case map[string]any:
			if err := checkSchemas(sub, own); err != nil {
				return err
			}
		default:
			return fmt.Errorf("values of subchart %s: expected a map, got %T", sub.Name(), own)
		}
	}
	return nil
}

const schemaURL = "file:///values.schema.json"

func checkSchema(schema []byte, values map[string]any) (err error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return err
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return err
	}
	if err := compiled.Validate(values); err != nil {
		_, rest, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("%s", rest)
	}
	return nil
}

// nowhere loads no schema.
type nowhere struct{}

// Load implements jsonschema.URLLoader. An unknown URN allows everything, as in Helm.
func (nowhere) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return true, nil
	}
	return nil, fmt.Errorf("the schema refers to %s, and nothing is read from elsewhere: put it into values.schema.json", url)
}
