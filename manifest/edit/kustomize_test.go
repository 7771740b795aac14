package edit_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/edit"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestSetImages(t *testing.T) {
	t.Parallel()
	tag := func(name, tag string) []edit.KustomizeImage {
		return []edit.KustomizeImage{{Name: name, NewTag: tag}}
	}
	tests := map[string]struct {
		src    string
		images []edit.KustomizeImage
		want   string
	}{
		"an existing tag is replaced in place": {
			"# head\nimages:\n  # the web\n  - name: web\n    newTag: v1 # bump\n  - name: db\n    newTag: v9\n", tag("web", "v2"),
			"# head\nimages:\n  # the web\n  - name: web\n    newTag: v2 # bump\n  - name: db\n    newTag: v9\n",
		},
		"quotes stay":                    {"images:\n- name: web\n  newTag: 'v1'\n", tag("web", "v2"), "images:\n- name: web\n  newTag: 'v2'\n"},
		"a numeric tag is quoted":        {"images:\n- name: web\n  newTag: v1\n", tag("web", "1.10"), "images:\n- name: web\n  newTag: \"1.10\"\n"},
		"an unquoted number is repaired": {"images:\n- name: web\n  newTag: 1.10\n", tag("web", "1.10"), "images:\n- name: web\n  newTag: \"1.10\"\n"},
		"a tag gives way to a digest on its line": {
			"images:\n- name: web\n  newTag: v1 # bump\n  x: y\n",
			[]edit.KustomizeImage{{Name: "web", Digest: digest}},
			"images:\n- name: web\n  digest: " + digest + " # bump\n  x: y\n",
		},
		"a digest gives way to a tag on its line": {
			"images:\n- digest: " + digest + "\n  name: web\n", tag("web", "v2"),
			"images:\n- newTag: v2\n  name: web\n",
		},
		"tag and digest together": {
			"images:\n- name: web\n  newTag: v1\n",
			[]edit.KustomizeImage{{Name: "web", NewTag: "v2", Digest: digest}},
			"images:\n- name: web\n  newTag: v2\n  digest: " + digest + "\n",
		},
		"the digest goes when only a tag is set": {
			"images:\n- name: web\n  newTag: v1\n  digest: " + digest + " # d\n- name: db\n", tag("web", "v2"),
			"images:\n- name: web\n  newTag: v2\n- name: db\n",
		},
		"a field that goes from the first place": {
			"images:\n- digest: " + digest + " # d\n  name: web\n  newTag: v1\n", tag("web", "v2"),
			"images:\n- name: web\n  newTag: v2\n",
		},
		"the last field goes with the final newline": {
			"images:\n- name: web\n  newTag: v1\n  digest: x", tag("web", "v2"),
			"images:\n- name: web\n  newTag: v2",
		},
		"an entry without tag gains one": {
			"images:\n  - name: web # c\n\nresources: []\n", tag("web", "v2"),
			"images:\n  - name: web # c\n    newTag: v2\n\nresources: []\n",
		},
		"a new name is dropped unless it is given": {
			"images:\n- name: web\n  newName: mirror/web\n  newTag: v1\n", tag("web", "v2"),
			"images:\n- name: web\n  newTag: v2\n",
		},
		"a new name can be preserved": {
			"images:\n- name: web\n  newName: mirror/web\n  newTag: v1\n",
			[]edit.KustomizeImage{{Name: "web", NewName: "*", NewTag: "v2"}},
			"images:\n- name: web\n  newName: mirror/web\n  newTag: v2\n",
		},
		"a tag can be preserved while the name changes": {
			"images:\n- name: web\n  newTag: v1\n  tagSuffix: -x\n",
			[]edit.KustomizeImage{{Name: "web", NewName: "mirror/web", NewTag: "*"}},
			"images:\n- name: web\n  newTag: v1\n  tagSuffix: -x\n  newName: mirror/web\n",
		},
		"a suffix that would alter the tag goes": {
			"images:\n- name: web\n  tagSuffix: -x\n  newTag: v1\n", tag("web", "v2"),
			"images:\n- name: web\n  newTag: v2\n",
		},
		"one field comes while another goes": {
			"images:\n- name: web\n  newTag: v1\n- name: db\n",
			[]edit.KustomizeImage{{Name: "web", NewName: "m/web"}},
			"images:\n- name: web\n  newName: m/web\n- name: db\n",
		},
		"a missing entry is appended in the list's indentation": {
			"images:\n  -   name: web\n      newTag: v1 # c\n# after\nresources: []\n", tag("db", "v2"),
			"images:\n  -   name: web\n      newTag: v1 # c\n  -   name: db\n      newTag: v2\n# after\nresources: []\n",
		},
		"an edit of the last entry and a new one": {
			"images:\n- name: web\n  newTag: v1\n  digest: x\n", append(tag("web", "v2"), edit.KustomizeImage{Name: "db", NewName: "m/db", NewTag: "*", Digest: "d1"}),
			"images:\n- name: web\n  newTag: v2\n- name: db\n  newName: m/db\n  digest: d1\n",
		},
		"a missing list takes the file's indentation": {
			"resources:\n  - a.yaml\n", tag("web", "v2"),
			"resources:\n  - a.yaml\nimages:\n  - name: web\n    newTag: v2\n",
		},
		"a missing list without a model is not indented": {
			"namespace: x\n", tag("web", "v2"), "namespace: x\nimages:\n- name: web\n  newTag: v2\n",
		},
		"a missing list in CRLF without final newline": {
			"resources:\r\n- a.yaml # c", tag("web", "v2"),
			"resources:\r\n- a.yaml # c\r\nimages:\r\n- name: web\r\n  newTag: v2",
		},
		"a missing list before the next document": {
			"a: 1\n---\nb: 1\n", tag("web", "v2"), "a: 1\nimages:\n- name: web\n  newTag: v2\n---\nb: 1\n",
		},
		"an empty file":                {"", tag("web", "v2"), "images:\n- name: web\n  newTag: v2\n"},
		"a file with only a comment":   {"# c\n", tag("web", "v2"), "# c\nimages:\n- name: web\n  newTag: v2\n"},
		"an empty list in brackets":    {"images: [] # none\na: 1\n", tag("web", "v2"), "images: # none\n- name: web\n  newTag: v2\na: 1\n"},
		"an empty list without value":  {"images: # none\na: 1\n", tag("web", "v2"), "images: # none\n- name: web\n  newTag: v2\na: 1\n"},
		"an empty list that says null": {"images: null\na:\n  - b\n", tag("web", "v2"), "images:\n  - name: web\n    newTag: v2\na:\n  - b\n"},
		"a list in flow style":         {"images: [{name: web, newTag: v1}]\n", tag("web", "v2"), "images: [{name: web, newTag: v2}]\n"},
		"an entry in flow style grows": {"images:\n- {name: web} # c\n", tag("web", "v2"), "images:\n- {name: web, newTag: v2} # c\n"},
		"an entry in flow style shrinks": {
			"images:\n- {name: web, digest: x, newTag: v1}\n- {digest: x, name: db, newTag: v1}\n", append(tag("web", "v2"), tag("db", "v2")...),
			"images:\n- {name: web, newTag: v2}\n- {name: db, newTag: v2}\n",
		},
		"a list in flow style grows": {
			"images: [{name: web}, ]\n", tag("db", "1.0"), "images: [{name: web}, {name: db, newTag: \"1.0\"}, ]\n",
		},
		"JSON": {
			`{"images": [{"name": "web"}]}`, append(tag("web", "v2"), tag("db", "v3")...),
			`{"images": [{"name": "web", "newTag": "v2"}, {"name": "db", "newTag": "v3"}]}`,
		},
		"an empty list in JSON": {`{"images": []}`, tag("db", "v3"), `{"images": [{"name": "db", "newTag": "v3"}]}`},
		"an image with a port":  {"images:\n- name: r:5000/web\n  newTag: v1\n", tag("r:5000/web", "v2"), "images:\n- name: r:5000/web\n  newTag: v2\n"},
		"a hostile tag is quoted": {
			"images:\n- name: web\n  newTag: v1\n", tag("web", "v2\nresources: [evil]"),
			"images:\n- name: web\n  newTag: \"v2\\nresources: [evil]\"\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, changes, err := edit.SetImages([]byte(tt.src), tt.images)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if len(changes) == 0 {
				t.Error("no changes reported")
			}
			again, changes, err := edit.SetImages(out, tt.images)
			if err != nil || len(changes) != 0 || string(again) != string(out) {
				t.Errorf("a second run is not a no-op: %q, %v, %v", again, changes, err)
			}
		})
	}
}

func TestSetImagesErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src    string
		images []edit.KustomizeImage
		is     error
		want   string
	}{
		"no name":         {"", []edit.KustomizeImage{{NewTag: "v2"}}, edit.ErrValue, `image "": the name is empty`},
		"nothing to set":  {"", []edit.KustomizeImage{{Name: "web"}}, edit.ErrValue, `image "web": give a new name, a tag or a digest`},
		"twice":           {"", []edit.KustomizeImage{{Name: "web", NewTag: "1"}, {Name: "web", NewTag: "2"}}, edit.ErrValue, `image "web": given twice`},
		"not a mapping":   {"- a\n", nil, edit.ErrSyntax, `line 1, column 1: a kustomization is a mapping`},
		"two lists":       {"images: []\nimages: []\n", nil, edit.ErrTarget, `line 2, column 1: "images" stands more than once`},
		"not a list":      {"images: {web: v1}\n", nil, edit.ErrTarget, `line 1, column 9: key "images": this is not a sequence of images`},
		"two entries":     {"images:\n- name: web\n- name: web\n", nil, edit.ErrTarget, `line 3, column 3: key "images.1": the list has several entries for "web", so which one is meant is not clear`},
		"entry is text":   {"images:\n- web\n", nil, edit.ErrTarget, `line 2, column 3: key "images.0": an image is a mapping with a name`},
		"entry has none":  {"images:\n- newTag: x\n", nil, edit.ErrTarget, `line 2, column 3: key "images.0": the image has no "name"`},
		"field twice":     {"images:\n- name: web\n  newTag: a\n  newTag: b\n", nil, edit.ErrTarget, `line 4, column 3: key "images.0": "newTag" stands more than once`},
		"field is alias":  {"x: &x v1\nimages:\n- name: web\n  newTag: *x\n", nil, edit.ErrTarget, `line 4, column 11: key "images.0.newTag": the value is the alias *x`},
		"field is shared": {"images:\n- name: web\n  newTag: &x v1\ny: *x\n", nil, edit.ErrTarget, `line 3, column 11: key "images.0.newTag": the value is shared: *x on line 4 refers to the anchor on line 3 and would change too`},
		"list is shared":  {"images: &x\n- name: web\ny: *x\n", nil, edit.ErrTarget, `line 2, column 3: key "images.0": the entry is shared: *x on line 3 refers to the anchor on line 1 and would change too`},
		"entry is alias":  {"x: &x {name: web}\nimages:\n- *x\n", nil, edit.ErrTarget, `line 3, column 3: key "images.0": the entry is the alias *x`},
		"flow document":   {"{a: 1}\n", nil, edit.ErrTarget, `line 1, column 1: the file is written in flow style; add an empty "images" list to it by hand`},
		"merge key":       {"images:\n- <<: {}\n  name: web\n", nil, edit.ErrTarget, `line 2, column 3: key "images.0": an image has plain keys only`},
		"comment between": {"images:\n- digest: x\n  # why\n  name: web\n  newTag: v1\n", nil, edit.ErrRefused, `line 2, column 3: key "images.0.digest": the field must go, but cannot be removed without touching its neighbours; put it on a line of its own`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.images == nil {
				tt.images = []edit.KustomizeImage{{Name: "web", NewTag: "v2"}}
			}
			out, changes, err := edit.SetImages([]byte(tt.src), tt.images)
			if err == nil || out != nil || changes != nil {
				t.Fatalf("got %q, %v, %v", out, changes, err)
			}
			if !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetImagesReportsFields(t *testing.T) {
	t.Parallel()
	src := "images:\n- name: web\n  newName: m/web\n  newTag: v1\n"
	_, changes, err := edit.SetImages([]byte(src), []edit.KustomizeImage{
		{Name: "db", NewTag: "v3"}, {Name: "web", Digest: digest},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []edit.Change{
		{Key: "images.0.newTag", Old: "v1", Line: 4},
		{Key: "images.0.digest", New: digest, Line: 4},
		{Key: "images.0.newName", Old: "m/web", Line: 3},
		{Key: "images.1.name", New: "db", Line: 2},
		{Key: "images.1.newTag", New: "v3", Line: 2},
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	got, err := edit.Images([]byte("x: &t v1\nimages:\n- {name: web, newName: m/web, newTag: *t}\n- name: db\n  digest: d\n  newTag: 1.10\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []edit.KustomizeImage{{Name: "web", NewName: "m/web", NewTag: "v1"}, {Name: "db", NewTag: "1.10", Digest: "d"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, src := range []string{"", "a: 1\n", "images:\n", "images: []\n"} {
		if got, err := edit.Images([]byte(src)); err != nil || len(got) != 0 {
			t.Errorf("%q: got %v, %v", src, got, err)
		}
	}
}

func TestFindKustomization(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if got, err := edit.FindKustomization([]string{"a.yaml", name}); err != nil || got != name {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := edit.FindKustomization([]string{"kustomization.json"}); !errors.Is(err, edit.ErrNotFound) {
		t.Errorf("none: got %v", err)
	}
	if _, err := edit.FindKustomization([]string{"Kustomization", "kustomization.yml"}); !errors.Is(err, edit.ErrTarget) {
		t.Errorf("two: got %v", err)
	}
}
