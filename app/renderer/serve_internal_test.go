package renderer

import (
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/kargo-app/kargo/manifest/render"
)

// read tells when the template is read.
type read struct {
	fstest.MapFS
	once sync.Once
	done chan struct{}
}

func (r *read) ReadFile(name string) ([]byte, error) {
	if name == "c/templates/a.yaml" {
		defer r.once.Do(func() { close(r.done) })
	}
	return fs.ReadFile(r.MapFS, name)
}

// A server that is killed cannot kill its children.
func TestChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "as-renderer")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	files := &read{done: make(chan struct{}), MapFS: fstest.MapFS{
		"c/Chart.yaml":       {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		"c/templates/a.yaml": {Data: []byte(`{{ range until 3000 }}{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}{{ end }}`)},
	}}
	var talking sync.WaitGroup
	talking.Go(func() {
		o, err := talk(t.Context(), &host{files: files}, job{Template: &render.Template{Path: "c", ReleaseName: "r"}}, in, out)
		if err == nil {
			t.Errorf("the template ended: %+v", o)
		}
	})
	<-files.done
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	talking.Wait()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("the child ended with %v", err)
	}
}
