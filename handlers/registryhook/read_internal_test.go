package registryhook

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// The payloads have the shape that each service documents, shortened to what is read
// and what might be mistaken for it.
func TestPayloads(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		receiver Receiver
		event    string // of X-GitHub-Event or X-Gitea-Event
		body     string
		images   []string // named as images and as OCI charts
		charts   []string // of classic repositories
		git      []string
		refused  bool
	}{
		"Docker Hub: a push": {
			receiver: Receiver{Kind: DockerHub},
			body: `{"callback_url":"https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
				"push_data":{"pushed_at":1417566161,"pusher":"trustedbuilder","tag":"latest"},
				"repository":{"name":"testhook","namespace":"svendowideit","repo_name":"svendowideit/testhook","repo_url":"https://registry.hub.docker.com/u/svendowideit/testhook/","status":"Active"}}`,
			images: []string{"index.docker.io/svendowideit/testhook"},
		},
		"Docker Hub: an official image": {
			receiver: Receiver{Kind: DockerHub}, body: `{"repository":{"repo_name":"library/nginx"}}`,
			images: []string{"index.docker.io/library/nginx"},
		},
		"Docker Hub: something else": {receiver: Receiver{Kind: DockerHub}, body: `{"hello":"world"}`, refused: true},
		"Quay: a push": {
			receiver: Receiver{Kind: Quay},
			body: `{"name":"repository","repository":"mynamespace/repository","namespace":"mynamespace","docker_url":"quay.io/mynamespace/repository",
				"homepage":"https://quay.io/repository/mynamespace/repository","updated_tags":["latest"]}`,
			images: []string{"quay.io/mynamespace/repository"},
		},
		"Quay: a vulnerability is no push": {
			receiver: Receiver{Kind: Quay},
			body:     `{"repository":"mynamespace/repository","docker_url":"quay.io/mynamespace/repository","tags":["latest"],"vulnerability":{"id":"CVE-1"}}`,
		},
		"Harbor: a push": {
			receiver: Receiver{Kind: Harbor},
			body: `{"type":"PUSH_ARTIFACT","occur_at":1586922308,"operator":"admin","event_data":{
				"resources":[{"digest":"sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8","tag":"latest","resource_url":"hub.harbor.com/test-webhook/debian:latest"}],
				"repository":{"date_created":1586922308,"name":"debian","namespace":"test-webhook","repo_full_name":"test-webhook/debian","repo_type":"private"}}}`,
			images: []string{"hub.harbor.com/test-webhook/debian"},
		},
		"Harbor: a push as a CloudEvent": {
			receiver: Receiver{Kind: Harbor},
			body: `{"specversion":"1.0","id":"66e8","source":"/projects/2/webhook/policies/15","type":"harbor.artifact.pushed","data":{
				"resources":[{"digest":"sha256:954","tag":"1.0","resource_url":"harbor.dev/library/busybox@sha256:954"}]}}`,
			images: []string{"harbor.dev/library/busybox"},
		},
		"Harbor: a deletion is no push": {
			receiver: Receiver{Kind: Harbor},
			body:     `{"type":"DELETE_ARTIFACT","event_data":{"resources":[{"resource_url":"hub.harbor.com/test-webhook/debian:latest"}]}}`,
		},
		"Artifactory: an image in a namespace": {
			receiver: Receiver{Kind: Artifactory},
			body: `{"domain":"docker","event_type":"pushed","data":{"repo_key":"docker-remote-repo-cache","event_type":"pushed","path":"library/ubuntu/latest/list.manifest.json",
				"name":"list.manifest.json","sha256":"35c4","size":1206,"image_name":"ubuntu","tag":"latest","image_type":"docker","platforms":[]},
				"subscription_key":"test","jpd_origin":"https://example.jfrog.io/","source":"jfrog/user@example.com"}`,
			images: []string{"example.jfrog.io/docker-remote-repo-cache/library/ubuntu", "docker-remote-repo-cache.example.jfrog.io/library/ubuntu"},
		},
		"Artifactory: a virtual repository": {
			receiver: Receiver{Kind: Artifactory, VirtualRepository: "docker"},
			body:     `{"domain":"docker","event_type":"pushed","data":{"repo_key":"docker-local","path":"web/1.0.0/manifest.json","image_name":"web"},"jpd_origin":"https://example.jfrog.io"}`,
			images:   []string{"example.jfrog.io/docker/web", "docker.example.jfrog.io/web"},
		},
		"Artifactory: a chart of a classic repository": {
			receiver: Receiver{Kind: Artifactory},
			body:     `{"domain":"artifact","event_type":"deployed","data":{"repo_key":"helm-local","path":"web-1.0.0.tgz","name":"web-1.0.0.tgz"},"jpd_origin":"https://example.jfrog.io"}`,
			charts:   []string{"https://example.jfrog.io/artifactory/helm-local", "https://example.jfrog.io/artifactory/api/helm/helm-local"},
		},
		"Artifactory: a deletion is no push": {
			receiver: Receiver{Kind: Artifactory},
			body:     `{"domain":"docker","event_type":"deleted","data":{"repo_key":"docker-local","path":"web/1.0.0/manifest.json"},"jpd_origin":"https://example.jfrog.io"}`,
		},
		"ACR: a push": {
			receiver: Receiver{Kind: ACR},
			body: `{"id":"cb8c3971-9adc-488b-xxxx-43cbb4974ff5","timestamp":"2017-11-17T16:52:01.343145347Z","action":"push",
				"target":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":524,"digest":"sha256:xxxx","length":524,"repository":"team/hello-world","tag":"v1"},
				"request":{"id":"3cbb6949","host":"myregistry.azurecr.io","method":"PUT","useragent":"docker/17.09.0-ce"}}`,
			images: []string{"myregistry.azurecr.io/team/hello-world"},
		},
		"ACR: a ping": {receiver: Receiver{Kind: ACR}, body: `{"id":"x","action":"ping"}`},
		"ECR: a push": {
			receiver: Receiver{Kind: ECR},
			body: `{"version":"0","id":"13cde686-328b-6117-af20-0e5566167482","detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012",
				"time":"2019-11-16T01:54:34Z","region":"us-west-2","resources":[],
				"detail":{"result":"SUCCESS","repository-name":"team/my-repository-name","image-digest":"sha256:7f5b","action-type":"PUSH","image-tag":"latest"}}`,
			images: []string{"123456789012.dkr.ecr.us-west-2.amazonaws.com/team/my-repository-name"},
		},
		"ECR: a push in China": {
			receiver: Receiver{Kind: ECR},
			body:     `{"detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012","region":"cn-north-1","detail":{"result":"SUCCESS","repository-name":"web","action-type":"PUSH"}}`,
			images:   []string{"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/web"},
		},
		"ECR: a push that did not work": {
			receiver: Receiver{Kind: ECR},
			body:     `{"detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012","region":"us-west-2","detail":{"result":"FAILURE","repository-name":"web","action-type":"PUSH"}}`,
		},
		"GAR: a push": {
			receiver: Receiver{Kind: GAR}, // {"action":"INSERT","digest":"us-east1-docker.pkg.dev/my-project/my-repo/hello-world@sha256:6ec1","tag":"us-east1-docker.pkg.dev/my-project/my-repo/hello-world:1.1"}
			body: `{"message":{"attributes":{},"data":"eyJhY3Rpb24iOiJJTlNFUlQiLCJkaWdlc3QiOiJ1cy1lYXN0MS1kb2NrZXIucGtnLmRldi9teS1wcm9qZWN0L215LXJlcG8vaGVsbG8td29ybGRAc2hhMjU2OjZlYzEiLCJ0YWciOiJ1cy1lYXN0MS1kb2NrZXIucGtnLmRldi9teS1wcm9qZWN0L215LXJlcG8vaGVsbG8td29ybGQ6MS4xIn0=",
				"messageId":"2070443601311540","publishTime":"2021-02-26T19:13:55.749Z"},"subscription":"projects/myproject/subscriptions/mysubscription"}`,
			images: []string{"us-east1-docker.pkg.dev/my-project/my-repo/hello-world"},
		},
		"GAR: a deletion is no push": {
			receiver: Receiver{Kind: GAR}, // {"action":"DELETE","tag":"gcr.io/my-project/web:1.1"}
			body:     `{"message":{"data":"eyJhY3Rpb24iOiJERUxFVEUiLCJ0YWciOiJnY3IuaW8vbXktcHJvamVjdC93ZWI6MS4xIn0="}}`,
		},
		"GAR: data that is no message": {receiver: Receiver{Kind: GAR}, body: `{"message":{"data":"aGVsbG8="}}`, refused: true},
		"Gitea: a container": {
			receiver: Receiver{Kind: Gitea}, event: "package",
			body: `{"action":"created","repository":null,"package":{"id":3,"owner":{"id":1,"login":"Acme"},"type":"container","name":"web","version":"1.0.0",
				"html_url":"https://gitea.example.com/acme/-/packages/container/web/1.0.0"},"sender":{"login":"ana"}}`,
			images: []string{"gitea.example.com/acme/web"},
		},
		"Gitea: a chart": {
			receiver: Receiver{Kind: Gitea}, event: "package",
			body:   `{"action":"created","package":{"owner":{"login":"acme"},"type":"helm","name":"web","version":"1.0.0","html_url":"https://gitea.example.com/acme/-/packages/helm/web/1.0.0"}}`,
			charts: []string{"https://gitea.example.com/api/packages/acme/helm"},
		},
		"Gitea: a package of another type": {
			receiver: Receiver{Kind: Gitea}, event: "package",
			body: `{"action":"created","package":{"owner":{"login":"acme"},"type":"npm","name":"web","html_url":"https://gitea.example.com/x"}}`,
		},
		"Gitea: a deletion is no push": {
			receiver: Receiver{Kind: Gitea}, event: "package",
			body: `{"action":"deleted","package":{"owner":{"login":"acme"},"type":"container","name":"web","html_url":"https://gitea.example.com/x"}}`,
		},
		"Gitea: commits": {
			receiver: Receiver{Kind: Gitea}, event: "push",
			body: `{"ref":"refs/heads/main","repository":{"full_name":"acme/web","clone_url":"https://gitea.example.com/Acme/web.git"}}`,
			git:  []string{"https://gitea.example.com/acme/web"},
		},
		"GHCR: package": {
			receiver: Receiver{Kind: GHCR}, event: "package",
			body: `{"action":"published","package":{"id":1,"name":"web","namespace":"Acme","ecosystem":"CONTAINER","package_type":"CONTAINER","owner":{"login":"Acme"},
				"package_version":{"package_url":"ghcr.io/acme/web:1.0.0"}},"repository":{"clone_url":"https://github.com/acme/web.git"}}`,
			images: []string{"ghcr.io/acme/web"},
		},
		"GHCR: registry_package": {
			receiver: Receiver{Kind: GHCR}, event: "registry_package",
			body:   `{"action":"published","registry_package":{"name":"web","namespace":"acme","ecosystem":"container","package_type":"CONTAINER","owner":{"login":"acme"},"package_version":{"package_url":"ghcr.io/acme/web:"}}}`,
			images: []string{"ghcr.io/acme/web"},
		},
		"GHCR: a package of another type": {
			receiver: Receiver{Kind: GHCR}, event: "package",
			body: `{"action":"published","package":{"name":"web","ecosystem":"npm","package_type":"npm","owner":{"login":"acme"}}}`,
		},
		"GHCR: commits": {
			receiver: Receiver{Kind: GHCR}, event: "push",
			body: `{"ref":"refs/heads/main","repository":{"clone_url":"https://github.com/acme/web.git"}}`, git: []string{"https://github.com/acme/web"},
		},
		"GHCR: a ping": {receiver: Receiver{Kind: GHCR}, event: "ping", body: `{"zen":"Keep it simple","hook_id":1}`},
		"generic: an address that the body gives": {
			receiver: Receiver{Kind: Generic, When: `request.body.kind == "push" && request.headers["X-Event"] == "artifact"`, URL: `request.body.host + "/" + request.body.name`},
			body:     `{"kind":"push","host":"registry.example.com","name":"acme/web"}`,
			images:   []string{"registry.example.com/acme/web"}, charts: []string{}, git: []string{"registry.example.com/acme/web"},
		},
		"generic: several addresses": {
			receiver: Receiver{Kind: Generic, URL: `map(request.body.images, "r.example.com/" + #)`},
			body:     `{"images":["a/x","a/y"]}`,
			images:   []string{"r.example.com/a/x", "r.example.com/a/y"}, git: []string{"r.example.com/a/x", "r.example.com/a/y"},
		},
		"generic: a classic chart repository or a Git repository": {
			receiver: Receiver{Kind: Generic, URL: `request.body`},
			body:     `"https://example.com/charts/"`,
			images:   []string{"example.com/charts"}, charts: []string{"https://example.com/charts"}, git: []string{"https://example.com/charts"},
		},
		"generic: when is false": {
			receiver: Receiver{Kind: Generic, When: `request.body.kind == "push"`, URL: `request.body.name`}, body: `{"kind":"delete","name":"r.example.com/a/x"}`,
		},
		"generic: nothing there": {receiver: Receiver{Kind: Generic, URL: `request.body?.name`}, body: `{}`},
		"generic: text instead of JSON": {
			receiver: Receiver{Kind: Generic, URL: `trim(request.body)`}, body: "r.example.com/a/x\n",
			images: []string{"r.example.com/a/x"}, git: []string{"r.example.com/a/x"},
		},
		"generic: an expression that gives something else": {receiver: Receiver{Kind: Generic, URL: `{"a": 1}`}, body: `{}`, refused: true},
		"generic: an expression that fails":                {receiver: Receiver{Kind: Generic, URL: `request.body.name[0]`}, body: `{"name":1}`, refused: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"X-Event": {"artifact"}}
			if tt.event != "" {
				h.Set("X-GitHub-Event", tt.event)
				h.Set("X-Gitea-Event", tt.event)
			}
			got, err := services()[tt.receiver.Kind].read(tt.receiver, request{method: http.MethodPost, header: h, body: []byte(tt.body)})
			if (err != nil) != tt.refused {
				t.Fatalf("error %v", err)
			}
			var want []source
			for _, image := range tt.images {
				want = append(want, source{pipeline.ImageArtifact, image}, source{pipeline.ChartArtifact, image})
			}
			for _, chart := range tt.charts {
				want = append(want, source{pipeline.ChartArtifact, chart})
			}
			for _, git := range tt.git {
				want = append(want, source{pipeline.GitArtifact, git})
			}
			order := func(a, b source) int { return strings.Compare(string(a.kind)+a.url, string(b.kind)+b.url) }
			slices.SortFunc(got, order)
			slices.SortFunc(want, order)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(source{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryKindRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for kind, s := range services() {
		if kind == Generic {
			continue // its expressions may read text
		}
		if _, err := s.read(Receiver{Kind: kind}, request{header: http.Header{}, body: []byte("<html>")}); err == nil {
			t.Errorf("%s reads HTML", kind)
		}
	}
}

func FuzzPayloads(f *testing.F) {
	f.Add("push", `{"repository":{"repo_name":"a/b","clone_url":"https://a/b.git"},"docker_url":"quay.io/a/b","updated_tags":["x"]}`)
	f.Add("package", `{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"resource_url":"a/b:c"},{"resource_url":"@"},{"resource_url":"::/"}]}}`)
	f.Add("package", `{"domain":"docker","event_type":"pushed","data":{"repo_key":"k","path":"../..//"},"jpd_origin":"https://h"}`)
	f.Add("registry_package", `{"message":{"data":"e30="},"action":"push","request":{"host":"h"},"target":{"repository":"r"}}`)
	f.Add("", `{"detail-type":"x","source":"aws.ecr","account":"1","region":"cn-","detail":{"action-type":"PUSH","result":"SUCCESS","repository-name":"r"}}`)
	f.Add("package", `{"action":"created","package":{"type":"container","html_url":"https://h/x","name":"n","owner":{"login":"l"}}}`)
	f.Fuzz(func(t *testing.T, event, body string) {
		h := http.Header{"X-Github-Event": {event}, "X-Gitea-Event": {event}}
		for kind, s := range services() {
			r := Receiver{Kind: kind}
			if kind == Generic {
				r.URL = `request.body?.url ?? request.body`
			}
			got, err := s.read(r, request{method: http.MethodPost, header: h, body: []byte(body)})
			if err != nil && len(got) > 0 {
				t.Errorf("%s: both sources and %v", kind, err)
			}
			if len(got) > maxSources {
				t.Errorf("%s names %d sources", kind, len(got))
			}
			for _, one := range got {
				if one.url == "" || len(one.url) > maxURL {
					t.Errorf("%s names %q", kind, one.url)
				}
			}
		}
	})
}
