package kargofile_test

import (
	"fmt"
	"os"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

func ExampleParse() {
	src := []byte(`apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - name: staging
    from: web
    update:
      - {image: ghcr.io/acme/web, kustomize: env/staging}
  - name: prod
    from: [staging]
    soak: 1h
    update:
      - {image: ghcr.io/acme/web, kustomize: env/prod}
`)
	file, problems := kargofile.Parse(src, kargofile.Options{Repo: "deploy"})
	if file == nil {
		fmt.Println(problems.Error())
		return
	}
	prod, _ := file.Pipeline.Stage("prod")
	request := prod.Requests[0]
	fmt.Println(file.Pipeline.Name, request.Origin, request.Stages, len(prod.Steps))
	// Output: deploy web [staging] 6
}

func ExampleProblems_Render() {
	src := []byte(`apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - {name: staging, from: web}
  - {name: prod, from: stagin}
`)
	_, problems := kargofile.Parse(src, kargofile.Options{Repo: "deploy"})
	if err := problems.Render(os.Stdout, ".kargo.yaml", src); err != nil {
		fmt.Println(err)
	}
	// Output:
	// .kargo.yaml:8:24  error  Stage "prod" takes Freight from "stagin", which is neither a Warehouse nor a Stage
	//     8 |   - {name: prod, from: stagin}
	//       |                        ^^^^^^  expected one of web, staging, prod; did you mean "staging"?
	// 1 error, 0 warnings
}
