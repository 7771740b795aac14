package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/argocd"
)

// ArgoCDUpdateConfig configures argocd-update.
type ArgoCDUpdateConfig struct {
	Apps []ArgoCDAppUpdate `json:"apps" empty:"no" doc:"the Applications, and what to change"`
	ArgoCDServer
}

// ArgoCDAppUpdate changes and syncs Applications.
type ArgoCDAppUpdate struct {
	ArgoCDAppRef
	Sources []ArgoCDSourceUpdate `json:"sources,omitempty" doc:"what to change of their sources, and what they shall be synced to"`
}

// ArgoCDSourceUpdate changes one source of an Application.
type ArgoCDSourceUpdate struct {
	RepoURL              string                 `json:"repoURL" empty:"no" doc:"of the source; Git repositories however their address is written, charts exactly"`
	Chart                string                 `json:"chart,omitempty" doc:"of a source that is a chart, exactly"`
	DesiredRevision      string                 `json:"desiredRevision,omitempty" doc:"commit or chart version that the source must have been synced to"`
	UpdateTargetRevision bool                   `json:"updateTargetRevision,omitempty" doc:"make desiredRevision the source's targetRevision"`
	Kustomize            *ArgoCDKustomizeUpdate `json:"kustomize,omitempty" doc:"for sources that are built with Kustomize"`
	Helm                 *ArgoCDHelmUpdate      `json:"helm,omitempty" doc:"for sources that are built with Helm"`
}

// ArgoCDKustomizeUpdate replaces the images that Argo CD sets with Kustomize.
type ArgoCDKustomizeUpdate struct {
	Images []ArgoCDKustomizeImage `json:"images,omitempty" doc:"in the place of those that the source has"`
}

// ArgoCDKustomizeImage is one image.
type ArgoCDKustomizeImage struct {
	RepoURL string `json:"repoURL" empty:"no" doc:"the image"`
	Tag     string `json:"tag,omitempty" doc:"its tag; excludes digest"`
	Digest  string `json:"digest,omitempty" doc:"its digest; excludes tag"`
	NewName string `json:"newName,omitempty" doc:"the repository to take in its place"`
}

// ArgoCDHelmUpdate sets parameters of Helm.
type ArgoCDHelmUpdate struct {
	Images []ArgoCDHelmImage `json:"images" empty:"no" doc:"parameters to set; others stay"`
}

// ArgoCDHelmImage is one parameter of Helm.
type ArgoCDHelmImage struct {
	Key   string `json:"key" empty:"no" doc:"the parameter, such as image.tag"`
	Value string `json:"value" doc:"its value"`
}

// ArgoCDUpdateOutput is the output of argocd-update.
type ArgoCDUpdateOutput struct {
	Apps []ArgoCDAppOutput `json:"apps" doc:"the Applications"`
}

func argoCDUpdate() Definition {
	d := Define("argocd-update", Remote, Doc{
		Secrets: true,
		Summary: `Changes sources of Argo CD Applications, has Argo CD sync them, and waits until it has. From
then on the health and the sync of the Applications are part of the Stage's health.

` + argoPrivate + ` The token needs
` + "`applications, get`" + ` and ` + "`applications, sync`" + `, and ` + "`applications, update`" + ` where ` + "`sources`" + ` change
something.

An Application must carry the annotation ` + "`kargo.akuity.io/authorized-stage: PROJECT:STAGE`" + `, or a
list of such with commas between them. PROJECT is the pipeline's name, which is that of Kargo's
Project where a pipeline was imported, STAGE the Stage's name within it. An Application that is
named without being authorized is an error; one that a ` + "`selector`" + ` finds is passed over.

Nothing is changed before it is clear that all sources are there. An operation that somebody
else has under way is waited for, and so is a sync window that is closed, as long as the step
has time. A sync that ended at other revisions than the desired ones is run again; one that
failed is an error. With ` + "`retry.errorThreshold`" + ` it is run again, too.

A sync carries the Promotion and the step in its info, by which it is recognised after a
restart: one is run for each attempt. Since Argo CD's REST API is used, not the cluster's, a
sync appears as one of the token's owner, a person's to sync windows, and changes of sources
come a moment before it rather than together with it. An image under ` + "`kustomize.images`" + ` without
tag, digest and newName is refused; Kargo writes one without a tag. An abort of the Promotion
does not end a sync.`,
		Example: `
uses: argocd-update
config:
  server: https://argocd.acme.dev
  token: ${{ secrets.ARGOCD_PROD }}
  apps:
    - name: web-prod
      sources:
        - repoURL: https://github.com/acme/gitops.git
          desiredRevision: ${{ outputs.push.commit }}
`,
	}, runArgoCDUpdate)
	return WithHealth(d.WithTimeout(argoTimeout), argoCDHealth)
}

// Validate implements the rules beyond types.
func (c ArgoCDUpdateConfig) Validate() error {
	var errs []error
	for i, app := range c.Apps {
		at := fmt.Sprintf("apps[%d]", i)
		errs = append(errs, app.validate(at))
		for j, s := range app.Sources {
			errs = append(errs, s.validate(fmt.Sprintf("%s.sources[%d]", at, j)))
		}
	}
	return errors.Join(errs...)
}

func (s ArgoCDSourceUpdate) validate(at string) error {
	if s.UpdateTargetRevision && s.DesiredRevision == "" {
		return fmt.Errorf("%s: updateTargetRevision needs desiredRevision", at)
	}
	if s.Kustomize == nil {
		return nil
	}
	for i, image := range s.Kustomize.Images {
		switch {
		case image.Tag != "" && image.Digest != "":
			return fmt.Errorf("%s.kustomize.images[%d]: tag and digest exclude each other", at, i)
		case image.Tag == "" && image.Digest == "" && image.NewName == "":
			return fmt.Errorf("%s.kustomize.images[%d]: give tag, digest or newName", at, i)
		}
	}
	return nil
}

// update is the change as Argo CD's client takes it.
func (s ArgoCDSourceUpdate) update() argocd.Update {
	u := argocd.Update{RepoURL: s.RepoURL, Chart: s.Chart, Revision: s.DesiredRevision, SetTarget: s.UpdateTargetRevision}
	if s.Kustomize != nil {
		for _, image := range s.Kustomize.Images {
			u.KustomizeImages = append(u.KustomizeImages, image.String())
		}
	}
	if s.Helm != nil {
		for _, p := range s.Helm.Images {
			u.HelmParameters = append(u.HelmParameters, argocd.HelmParameter{Name: p.Key, Value: p.Value})
		}
	}
	return u
}

// String writes the image as Argo CD has it: NAME=NEWNAME:TAG.
func (i ArgoCDKustomizeImage) String() string {
	out := i.RepoURL
	if i.NewName != "" {
		out += "=" + i.NewName
	}
	switch {
	case i.Digest != "":
		out += "@" + i.Digest
	case i.Tag != "":
		out += ":" + i.Tag
	}
	return out
}

func runArgoCDUpdate(ctx context.Context, env Env, c ArgoCDUpdateConfig) (*ArgoCDUpdateOutput, error) {
	link, err := env.argoLink(ctx, c.ArgoCDServer)
	if err != nil {
		return nil, err
	}
	client, err := link.open(ctx, env.Secret, env.Web)
	if err != nil {
		return nil, err
	}
	run := argoSync{env: env, client: client}
	for _, app := range c.Apps {
		if err := run.add(ctx, app); err != nil {
			return nil, env.argoFault(err)
		}
	}
	if err := run.check(); err != nil {
		return nil, err
	}
	out, watched := &ArgoCDUpdateOutput{}, argoWatched{argoLink: link}
	var waiting []string
	for _, t := range run.targets {
		out.Apps = append(out.Apps, outputOf(client, t.app))
		watched.Apps = append(watched.Apps, argoWatchedApp{Name: t.app.Metadata.Name, Namespace: t.app.Metadata.Namespace, Revisions: t.wanted})
		reason, err := run.advance(ctx, t)
		if err != nil {
			return out, env.argoFault(err)
		}
		if reason != "" {
			waiting = append(waiting, reason)
		}
	}
	if len(waiting) > 0 {
		return out, env.argoWait(waiting)
	}
	env.Watch(watched)
	return out, nil
}
