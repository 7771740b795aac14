package promotion

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Remote is what the bot created on the Git host for a Promotion, remembered so
// that it is created once.
type Remote struct {
	// Kind and Key are ours: "deployment" and "prod-142".
	Kind, Key string
	// ID is the host's; 0 while creation was begun but is not known to have
	// happened.
	ID int64
	// Hash is that of the content last published.
	Hash string
	// BegunAt is when creation was first begun.
	BegunAt time.Time
}

// onTheWire is how long a request may still have its effect after the process
// that sent it died: GitHub gives up after ten seconds.
const onTheWire = 10 * time.Second

// Remotes remembers what was created.
type Remotes interface {
	// Begin records that creation is about to happen. fresh means that nobody
	// began before, so that there is nothing to look for.
	Begin(ctx context.Context, r pipeline.Repo, kind, key string) (obj Remote, fresh bool, err error)
	Save(ctx context.Context, r pipeline.Repo, obj Remote) error
}

// Checks publishes check runs.
type Checks interface {
	// FindCheck returns the App's own check run on a commit by name and external
	// id, or step.ErrNotFound.
	FindCheck(ctx context.Context, r pipeline.Repo, sha, name, externalID string) (int64, error)
	CreateCheck(ctx context.Context, r pipeline.Repo, c report.CheckRun) (int64, error)
	UpdateCheck(ctx context.Context, r pipeline.Repo, id int64, c report.CheckRun) error
}

// Deployments publishes Deployments.
type Deployments interface {
	// FindDeployment returns the Deployment of a Promotion, or step.ErrNotFound.
	FindDeployment(ctx context.Context, r pipeline.Repo, d report.Deployment) (int64, error)
	CreateDeployment(ctx context.Context, r pipeline.Repo, d report.Deployment) (int64, error)
	// FindDeploymentStatus returns nil when the Deployment had this state at any
	// time, else step.ErrNotFound.
	FindDeploymentStatus(ctx context.Context, r pipeline.Repo, id int64, state string) error
	SetDeploymentStatus(ctx context.Context, r pipeline.Repo, id int64, s report.DeploymentStatus) error
}

// Comments publishes comments on issues and pull requests.
type Comments interface {
	// FindComment returns the App's own comment that begins with marker, or
	// step.ErrNotFound.
	FindComment(ctx context.Context, r pipeline.Repo, number int, marker string) (int64, error)
	CreateComment(ctx context.Context, r pipeline.Repo, number int, body string) (int64, error)
	UpdateComment(ctx context.Context, r pipeline.Repo, id int64, body string) error
}

// Publisher shows Promotions on the Git host: one check run on the head, one
// Deployment, one comment on the pull request; and Verifications: one check run on
// what was merged. Each is created once and edited
// only when what it says changed.
type Publisher struct {
	Remotes     Remotes
	Checks      Checks
	Deployments Deployments
	Comments    Comments
	// Journeys finds who else wants to know; it may be nil.
	Journeys Journeys
	// History finds the Promotion whose outcome is verified; it may be nil.
	History History
	// PublicURL is where people reach this server, empty when it is not known.
	PublicURL string
	// Started is when this process did. What an earlier one began to create a
	// moment before may not be there yet, and is waited for before it is looked for.
	Started time.Time
	Now     func() time.Time

	tracking sync.Mutex
}

var _ Reporter = (*Publisher)(nil)

// Report implements [Reporter]. A Promotion that changed nothing shows nothing.
func (u *Publisher) Report(ctx context.Context, p *pipeline.Promotion) error {
	site := report.Site{PublicURL: u.PublicURL}
	return errors.Join(u.check(ctx, p, site), u.deployment(ctx, p), u.sticky(ctx, p, site))
}

// ReportVerification implements [Reporter]. A run without a commit shows nothing
// but what those are told who follow its Freight.
func (u *Publisher) ReportVerification(ctx context.Context, run *pipeline.VerificationRun) error {
	site := report.Site{PublicURL: u.PublicURL}
	var err error
	if c, ok := report.Verification(run, site); ok {
		err = u.PublishCheck(ctx, run.Repo, c)
	}
	return errors.Join(err, u.follow(ctx, run, site))
}

func (u *Publisher) check(ctx context.Context, p *pipeline.Promotion, site report.Site) error {
	c, ok := report.Check(p, site)
	if !ok {
		return nil
	}
	return u.PublishCheck(ctx, p.Repo, c)
}

// PublishCheck creates a check run that is not a Promotion's, or brings it up to
// date.
func (u *Publisher) PublishCheck(ctx context.Context, r pipeline.Repo, c report.CheckRun) error {
	return u.publish(ctx, r, publication{
		kind: "check", key: c.ExternalID + "@" + c.SHA, content: c,
		find:   func() (int64, error) { return u.Checks.FindCheck(ctx, r, c.SHA, c.Name, c.ExternalID) },
		create: func() (int64, error) { return u.Checks.CreateCheck(ctx, r, c) },
		update: func(id int64) error { return u.Checks.UpdateCheck(ctx, r, id, c) },
	})
}

// deployment creates the Deployment when the change is first visible, and keeps
// it although the head moves: one Deployment per Promotion.
func (u *Publisher) deployment(ctx context.Context, p *pipeline.Promotion) error {
	d, ok := report.DeploymentOf(p)
	if !ok {
		return nil
	}
	var id int64
	err := u.publish(ctx, p.Repo, publication{
		kind: "deployment", key: p.ID, content: p.ID,
		find:   func() (int64, error) { return u.Deployments.FindDeployment(ctx, p.Repo, d) },
		create: func() (int64, error) { return u.Deployments.CreateDeployment(ctx, p.Repo, d) },
		seen:   &id,
	})
	if err != nil {
		return err
	}
	// A status is a log line on GitHub, and no state comes twice, unless the
	// Promotion was taken up again in between.
	s := report.StatusOf(p, report.Site{PublicURL: u.PublicURL})
	key := p.ID + " " + s.State
	if p.Retries > 0 {
		key += fmt.Sprintf(" %d", p.Retries)
	}
	return u.publish(ctx, p.Repo, publication{
		kind: "deployment-status", key: key, content: s.State,
		find:   func() (int64, error) { return id, u.Deployments.FindDeploymentStatus(ctx, p.Repo, id, s.State) },
		create: func() (int64, error) { return id, u.Deployments.SetDeploymentStatus(ctx, p.Repo, id, s) },
	})
}

// Upsert makes the App's comment that begins with marker say body: it is
// created once and edited only when body changed.
func (u *Publisher) Upsert(ctx context.Context, r pipeline.Repo, number int, marker, body string) error {
	return u.publish(ctx, r, publication{
		kind: "comment", key: fmt.Sprintf("%d %s", number, marker), content: body,
		find:   func() (int64, error) { return u.Comments.FindComment(ctx, r, number, marker) },
		create: func() (int64, error) { return u.Comments.CreateComment(ctx, r, number, body) },
		update: func(id int64) error { return u.Comments.UpdateComment(ctx, r, id, body) },
	})
}

// publication is one thing that is created once and then kept up to date.
type publication struct {
	kind, key string
	content   any
	find      func() (int64, error)
	create    func() (int64, error)
	// update is nil for what never changes.
	update func(id int64) error
	// seen receives the host's id.
	seen *int64
}

func (u *Publisher) publish(ctx context.Context, r pipeline.Repo, pub publication) error {
	hash, err := digest(pub.content)
	if err != nil {
		return err
	}
	obj, fresh, err := u.Remotes.Begin(ctx, r, pub.kind, pub.key)
	if err != nil {
		return fmt.Errorf("%s %s: %w", pub.kind, pub.key, err)
	}
	if obj.ID != 0 && (obj.Hash == hash || pub.update == nil) {
		if pub.seen != nil {
			*pub.seen = obj.ID
		}
		return nil
	}
	id := obj.ID
	if id == 0 && !fresh {
		if wait := obj.BegunAt.Add(onTheWire).Sub(u.Now()); wait > 0 && obj.BegunAt.Before(u.Started) {
			return &pipeline.TransientError{RetryAfter: wait, Err: fmt.Errorf("publish %s %s: begun before a restart, and may still arrive", pub.kind, pub.key)}
		}
		id, err = pub.find()
		if errors.Is(err, step.ErrNotFound) {
			id, err = 0, nil
		}
		if err != nil {
			return fmt.Errorf("look for %s %s: %w", pub.kind, pub.key, err)
		}
	}
	switch {
	case id == 0:
		id, err = pub.create()
	case pub.update != nil:
		if err = pub.update(id); errors.Is(err, step.ErrNotFound) {
			id, err = pub.create() // somebody deleted it
		}
	}
	if err != nil {
		return fmt.Errorf("publish %s %s: %w", pub.kind, pub.key, err)
	}
	if pub.seen != nil {
		*pub.seen = id
	}
	if err := u.Remotes.Save(ctx, r, Remote{Kind: cmp.Or(obj.Kind, pub.kind), Key: cmp.Or(obj.Key, pub.key), ID: id, Hash: hash}); err != nil {
		return fmt.Errorf("record %s %s: %w", pub.kind, pub.key, err)
	}
	return nil
}

func digest(content any) (string, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8]), nil
}
