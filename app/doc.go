// Package app is the GitHub App as a program: it reads the configuration, opens
// the database, and connects the domain to GitHub, registries and Git. [App] is the
// server; [Local] is the same wiring over a clone, without a server, for the
// command line.
//
// What it is not: no rule of promotion lives here, and nothing but the commands
// and the demo imports it.
//
// An App is safe for concurrent use; a Local serves one command.
//
// # Dependencies
//
// Each is here because it saves us from writing, and keeping right, what it does:
//
//   - Masterminds/semver: versions and constraints, as Kargo reads them
//   - agnivade/levenshtein: "did you mean"
//   - awslabs/amazon-ecr-credential-helper, chrismellard/docker-credential-acr-env: the
//     identity that Amazon's and Azure's clouds give to a machine
//   - aws/aws-sdk-go-v2: Amazon CloudWatch, and signing what it is asked
//   - aymanbagabas/go-udiff: diffs in previews, and merges of the lines that two sides changed
//   - bmatcuk/doublestar: globs over paths
//   - bradleyfalzon/ghinstallation: an App's tokens
//   - expr-lang/expr: the expressions between ${{ and }}
//   - go-chi/chi: routes
//   - go-git/go-git: Git's objects, packs and protocol
//   - goccy/go-yaml: YAML errors that point at their place
//   - golang-jwt/jwt: checking a private key before it is used
//   - google/go-containerregistry: registries, their tokens and their manifests
//   - google/go-github: GitHub's API
//   - google/uuid: delivery ids of the simulator
//   - hashicorp/golang-lru: bounded caches
//   - hashicorp/hcl: HCL with positions
//   - lmittmann/tint, mattn/go-isatty: a log that people read
//   - microcosm-cc/bluemonday: what is safe to show of a pull request's text
//   - pelletier/go-toml: TOML with positions
//   - prometheus/client_golang: metrics
//   - spf13/cobra: commands, flags and completion
//   - tetratelabs/wazero: programs of pipelines in a sandbox
//   - vektah/gqlparser: the GraphQL that the simulator understands
//   - wneessen/go-mail: mails and SMTP, with STARTTLS and logins
//   - yuin/goldmark: Markdown, to find commands in and to show
//   - go.yaml.in/yaml: YAML with positions and comments
//   - sigs.k8s.io/yaml: YAML as Kubernetes reads it
//   - sigs.k8s.io/kustomize: building kustomizations, and merging as kustomize merges
//   - helm.sh/helm: rendering charts; its engine, not its actions, which only tests use
//   - santhosh-tekuri/jsonschema: checking values by a chart's schema without fetching others
//   - k8s.io/apimachinery: label selectors as Kubernetes writes them
//   - k8s.io/client-go: JSONPath as kubectl has it
//   - golang.org/x/perf: reading results of benchmarks
//   - golang.org/x/sync: groups of goroutines that fail together
//   - modernc.org/sqlite: a database in the binary, without cgo
//
// And in tests: chromedp (a real browser), emersion/go-smtp (a mail server), kin-openapi
// (GitHub's own description of its API), json-patch (what Argo CD does with a patch),
// go-cmp, go-internal (scripts) and rapid (properties).
package app
