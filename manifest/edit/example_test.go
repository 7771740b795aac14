package edit_test

import (
	"fmt"

	"github.com/kargo-app/kargo/manifest/edit"
)

func ExampleSetYAML() {
	values := []byte(`image:
  repository: ghcr.io/acme/web
  tag: "1.9.2"   # promoted by kargo
`)
	out, changes, err := edit.SetYAML(values, []edit.Update{{Key: "image.tag", Value: "1.9.3"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	for _, c := range changes {
		fmt.Printf("%s: %v -> %v (line %d)\n", c.Key, c.Old, c.New, c.Line)
	}
	// Output:
	// image:
	//   repository: ghcr.io/acme/web
	//   tag: "1.9.3"   # promoted by kargo
	// image.tag: 1.9.2 -> 1.9.3 (line 3)
}

func ExampleSetYAML_error() {
	_, _, err := edit.SetYAML([]byte("image:\n  tag: v1\n"), []edit.Update{{Key: "image.tga", Value: "v2"}})
	fmt.Println(err)
	// Output:
	// line 2, column 3: key "image.tga": there is no "tga" in "image"; did you mean "tag"?
}

func ExampleGetYAML() {
	v, err := edit.GetYAML([]byte("containers:\n- name: web\n  image: web:1.9.2\n"), "containers.0.image")
	fmt.Println(v, err)
	// Output:
	// web:1.9.2 <nil>
}

func ExampleHoldsYAML() {
	ok, err := edit.HoldsYAML([]byte("replicas: 3\n"), "replicas", 3)
	fmt.Println(ok, err)
	// Output:
	// true <nil>
}

func ExampleSetImages() {
	kustomization := []byte(`resources:
  - deployment.yaml
images:
  # The tag follows production.
  - name: ghcr.io/acme/web
    newTag: 1.9.2 # by kargo
`)
	out, _, err := edit.SetImages(kustomization, []edit.KustomizeImage{
		{Name: "ghcr.io/acme/web", NewTag: "1.9.3"},
		{Name: "ghcr.io/acme/api", NewTag: "2.0"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	// Output:
	// resources:
	//   - deployment.yaml
	// images:
	//   # The tag follows production.
	//   - name: ghcr.io/acme/web
	//     newTag: 1.9.3 # by kargo
	//   - name: ghcr.io/acme/api
	//     newTag: "2.0"
}
