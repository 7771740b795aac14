package step

import (
	"context"
	"io/fs"

	"github.com/kargo-app/kargo/manifest/render"
)

// Renderer renders manifests as package render does, whose functions these are: with
// the same results and the same errors.
type Renderer interface {
	Kustomize(ctx context.Context, files fs.FS, k render.Kustomization) (render.Build, error)
	Helm(ctx context.Context, files fs.FS, t render.Template) (render.Release, error)
	UpdateDependencies(ctx context.Context, files fs.FS, u render.Update) (render.Updated, error)
}

// renderer is what the step renders with.
func (e Env) renderer() Renderer {
	if e.Ports.Renderer == nil {
		return inProcess{}
	}
	return e.Ports.Renderer
}

// inProcess renders here, where nothing interrupts a template.
type inProcess struct{}

func (inProcess) Kustomize(ctx context.Context, files fs.FS, k render.Kustomization) (render.Build, error) {
	return render.Kustomize(ctx, files, k)
}

func (inProcess) Helm(ctx context.Context, files fs.FS, t render.Template) (render.Release, error) {
	return render.Helm(ctx, files, t)
}

func (inProcess) UpdateDependencies(ctx context.Context, files fs.FS, u render.Update) (render.Updated, error) {
	return render.UpdateDependencies(ctx, files, u)
}
