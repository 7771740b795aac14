package expr

import "time"

const originKind = "Warehouse"

// Origin says which Warehouse a piece of Freight comes from; warehouse(name) makes one.
// Like all types that expressions see, its fields have their Go names in expressions
// (.Name) and lower camel case in JSON.
type Origin struct {
	Kind string `json:"kind,omitempty"` // Warehouse; empty means the same
	Name string `json:"name,omitempty"`
}

// Freight is one piece of Freight as expressions see it.
type Freight struct {
	Name      string     `json:"name,omitempty"`
	Alias     string     `json:"alias,omitempty"`
	Origin    Origin     `json:"origin,omitzero"`
	Images    []Image    `json:"images,omitempty"`
	Commits   []Commit   `json:"commits,omitempty"`
	Charts    []Chart    `json:"charts,omitempty"`
	Artifacts []Artifact `json:"artifacts,omitempty"`
}

// Image is what imageFrom(url[, origin]) gives.
type Image struct {
	RepoURL     string            `json:"repoURL,omitempty"`
	Tag         string            `json:"tag,omitempty"`
	Digest      string            `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	CreatedAt   time.Time         `json:"createdAt,omitzero"` // discovered images only
}

// Commit is what commitFrom(url[, origin]) gives.
type Commit struct {
	RepoURL     string    `json:"repoURL,omitempty"`
	ID          string    `json:"id,omitempty"`
	Branch      string    `json:"branch,omitempty"`
	Tag         string    `json:"tag,omitempty"`
	Message     string    `json:"message,omitempty"`
	Subject     string    `json:"subject,omitempty"` // discovered commits only
	Author      string    `json:"author,omitempty"`
	Committer   string    `json:"committer,omitempty"`
	CreatorDate time.Time `json:"creatorDate,omitzero"` // discovered commits only
}

// Chart is what chartFrom(url[, name][, origin]) gives. Name is empty for charts in
// OCI registries.
type Chart struct {
	RepoURL string `json:"repoURL,omitempty"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

// Artifact is what artifactFrom(subscription[, origin]) gives: something that is neither
// image, commit nor chart.
type Artifact struct {
	ArtifactType     string         `json:"artifactType,omitempty"`
	SubscriptionName string         `json:"subscriptionName,omitempty"`
	Version          string         `json:"version,omitempty"`
	Metadata         map[string]any `json:"metadata,omitempty"`
}

// Warehouse is a source of Freight, reduced to what decides where an artifact comes from.
type Warehouse struct {
	Name          string
	Subscriptions []Subscription
}

// Subscription is one source of artifacts of a Warehouse. Exactly one of Git, Image and
// Chart is set; with none, Name is that of a subscription to another type of artifact.
type Subscription struct {
	Name      string
	Git       string // repository URL
	Image     string // repository URL without tag
	Chart     string // repository URL
	ChartName string // empty for charts in OCI registries
}
