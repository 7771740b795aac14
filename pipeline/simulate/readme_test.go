package simulate

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeExamplesHold plays the examples of the README.
func TestReadmeExamplesHold(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		name, _, _ := strings.Cut(strings.TrimPrefix(block[1], "name: "), "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, err := Load("example.sim.yaml", []byte(block[1]), os.ReadFile)
			if err != nil {
				t.Fatal(err)
			}
			r, err := sc.Run(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Failures()) > 0 || r.Checked == 0 {
				var b strings.Builder
				_ = r.Write(&b)
				t.Error(b.String())
			}
		})
	}
}

// TestReadmeNamesEveryField looks every field of the format up in the README.
func TestReadmeNamesEveryField(t *testing.T) {
	t.Parallel()
	text := readme(t)
	seen := map[reflect.Type]bool{}
	fields := 0
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				f := typ.Field(i)
				if name := f.Tag.Get("yaml"); name != "" {
					fields++
					if !regexp.MustCompile("[`{ ,]" + name + "[`}:,]").MatchString(text) {
						t.Errorf("%s: the README does not mention %q", typ, name)
					}
				}
				if f.Tag.Get("yaml") != "" || f.Anonymous {
					visit(f.Type)
				}
			}
		default:
		}
	}
	visit(reflect.TypeFor[document]())
	if fields < 150 {
		t.Errorf("%d fields were looked up only", fields)
	}
}

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
