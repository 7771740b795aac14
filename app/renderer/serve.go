package renderer

import (
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"os"

	"github.com/kargo-app/kargo/manifest/render"
)

// exitMemory is how a child ends that occupies too much memory.
const exitMemory = 3

// Serve does the one job that comes in on in and writes its outcome to out. It ends the
// process when in ends before that, or when the job takes more memory than it may: it
// must be the only thing that the process does.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	dec := gob.NewDecoder(in)
	var j job
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("read what to render: %w", err)
	}
	limitMemory(j.Memory, func() { os.Exit(exitMemory) })
	answers := make(chan answer)
	go func() {
		for {
			var a answer
			if err := dec.Decode(&a); err != nil {
				os.Exit(1) // Whoever wanted the result is gone.
			}
			answers <- a
		}
	}()
	c := &client{out: gob.NewEncoder(out), answers: answers, known: map[string]prefetched{}}
	return c.outcome(j.do(ctx, c))
}

// do renders.
func (j job) do(ctx context.Context, c *client) (o outcome) {
	var from render.Charts
	if j.Charts {
		from = charts{c}
	}
	var err error
	switch {
	case j.Kustomization != nil:
		j.Kustomization.Charts = from
		if j.Remotes {
			j.Kustomization.Remotes = remotes{c}
		}
		o.Build, err = pointer(render.Kustomize(ctx, files{c}, *j.Kustomization))
	case j.Template != nil:
		j.Template.Charts = from
		o.Release, err = pointer(render.Helm(ctx, files{c}, *j.Template))
	case j.Update != nil:
		j.Update.Charts = from
		o.Updated, err = pointer(render.UpdateDependencies(ctx, files{c}, *j.Update))
	}
	if err != nil {
		return outcome{Fault: faultOf(err)}
	}
	return o
}

func pointer[T any](v T, err error) (*T, error) { return &v, err }
