package pipeline

// Warehouse watches artifact sources and produces Freight from the newest
// artifact of every one of them.
type Warehouse struct {
	Name string `json:"name"`
	// Interval is how often discovery runs when no event arrives; at least a
	// minute, default five.
	Interval                Duration              `json:"interval"`
	FreightCreationPolicy   FreightCreationPolicy `json:"freightCreationPolicy"`
	FreightCreationCriteria string                `json:"freightCreationCriteria,omitempty"`
	Subscriptions           []Subscription        `json:"subscriptions"`
}

// FreightCreationPolicy says whether new artifacts become Freight by themselves.
type FreightCreationPolicy string

// Creation policies, named as in Kargo.
const (
	CreateAutomatically FreightCreationPolicy = "Automatic"
	CreateManually      FreightCreationPolicy = "Manual"
)

// Subscription is one artifact source of a Warehouse; exactly one of Git, Image
// and Chart is set.
type Subscription struct {
	Name  string             `json:"name,omitempty"`
	Git   *GitSubscription   `json:"git,omitempty"`
	Image *ImageSubscription `json:"image,omitempty"`
	Chart *ChartSubscription `json:"chart,omitempty"`
}

// ArtifactKind is the kind of thing a Subscription yields.
type ArtifactKind string

// The artifact kinds.
const (
	GitArtifact   ArtifactKind = "git"
	ImageArtifact ArtifactKind = "image"
	ChartArtifact ArtifactKind = "chart"
)

// Kind returns which of the three sources s is.
func (s Subscription) Kind() ArtifactKind {
	switch {
	case s.Git != nil:
		return GitArtifact
	case s.Image != nil:
		return ImageArtifact
	default:
		return ChartArtifact
	}
}

// RepoURL returns the source's address as the file gives it; empty for a git
// Subscription to the pipeline's own repository.
func (s Subscription) RepoURL() string {
	switch {
	case s.Git != nil:
		return s.Git.RepoURL
	case s.Image != nil:
		return s.Image.RepoURL
	case s.Chart != nil:
		return s.Chart.RepoURL
	}
	return ""
}

// CommitSelectionStrategy orders the commits of a git Subscription.
type CommitSelectionStrategy string

// Commit selection strategies, named as in Kargo.
const (
	NewestFromBranch CommitSelectionStrategy = "NewestFromBranch"
	CommitSemVer     CommitSelectionStrategy = "SemVer"
	CommitLexical    CommitSelectionStrategy = "Lexical"
	NewestTag        CommitSelectionStrategy = "NewestTag"
)

// GitSubscription selects commits of a repository.
type GitSubscription struct {
	// RepoURL is the clone URL; empty means the pipeline's own repository.
	RepoURL                 string                  `json:"repoURL,omitempty"`
	Branch                  string                  `json:"branch,omitempty"`
	CommitSelectionStrategy CommitSelectionStrategy `json:"commitSelectionStrategy"`
	SemverConstraint        string                  `json:"semverConstraint,omitempty"`
	StrictSemvers           bool                    `json:"strictSemvers"`
	AllowTagsRegexes        []string                `json:"allowTagsRegexes,omitempty"`
	IgnoreTagsRegexes       []string                `json:"ignoreTagsRegexes,omitempty"`
	IncludePaths            []string                `json:"includePaths,omitempty"`
	ExcludePaths            []string                `json:"excludePaths,omitempty"`
	ExpressionFilter        string                  `json:"expressionFilter,omitempty"`
	// Since bounds NewestFromBranch: an RFC 3339 time, a date, or a duration before
	// now; empty for no bound.
	Since string `json:"since,omitempty"`
	// IncludeOwnCommits lets commits that a Promotion made become Freight; off,
	// because a pipeline that promotes into a branch it subscribes to would feed
	// itself.
	IncludeOwnCommits bool `json:"includeOwnCommits,omitempty"`
	// InsecureSkipTLSVerify accepts any certificate of the repository's server. The
	// certificate of the GitHub that the App belongs to is verified all the same.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
	DiscoveryLimit        int  `json:"discoveryLimit"`
}

// ImageSelectionStrategy orders the tags of an image repository.
type ImageSelectionStrategy string

// Image selection strategies, named as in Kargo.
const (
	ImageSemVer      ImageSelectionStrategy = "SemVer"
	ImageNewestBuild ImageSelectionStrategy = "NewestBuild"
	ImageLexical     ImageSelectionStrategy = "Lexical"
	ImageDigest      ImageSelectionStrategy = "Digest"
)

// ImageSubscription selects images of a container repository.
type ImageSubscription struct {
	RepoURL                string                 `json:"repoURL"`
	ImageSelectionStrategy ImageSelectionStrategy `json:"imageSelectionStrategy"`
	// Constraint is a semver range for SemVer and the mutable tag for Digest.
	Constraint            string   `json:"constraint,omitempty"`
	StrictSemvers         bool     `json:"strictSemvers"`
	AllowTagsRegexes      []string `json:"allowTagsRegexes,omitempty"`
	IgnoreTagsRegexes     []string `json:"ignoreTagsRegexes,omitempty"`
	Platform              string   `json:"platform,omitempty"`
	InsecureSkipTLSVerify bool     `json:"insecureSkipTLSVerify,omitempty"`
	// CacheByTag trusts that a tag, once seen, never moves.
	CacheByTag     bool `json:"cacheByTag,omitempty"`
	DiscoveryLimit int  `json:"discoveryLimit"`
}

// ChartSubscription selects versions of a Helm chart.
type ChartSubscription struct {
	RepoURL          string `json:"repoURL"`
	Name             string `json:"name,omitempty"`
	SemverConstraint string `json:"semverConstraint,omitempty"`
	// InsecureSkipTLSVerify accepts any certificate of the repository's server.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
	DiscoveryLimit        int  `json:"discoveryLimit"`
}

// Discovery is the result of looking at all Subscriptions of one Warehouse.
type Discovery struct {
	Warehouse     string                   `json:"warehouse"`
	Subscriptions []DiscoveredSubscription `json:"subscriptions"`
	// Withheld says why these artifacts shall not become Freight, empty when
	// they may: the Warehouse's freightCreationCriteria were evaluated to false.
	Withheld string `json:"withheld,omitempty"`
}

// DiscoveredSubscription is what one Subscription offers, best choice first. At
// most one of Images, Commits and Charts is filled.
type DiscoveredSubscription struct {
	Kind     ArtifactKind       `json:"kind"`
	Name     string             `json:"name,omitempty"`
	RepoURL  string             `json:"repoURL"`
	Images   []Image            `json:"images,omitempty"`
	Commits  []Commit           `json:"commits,omitempty"`
	Charts   []Chart            `json:"charts,omitempty"`
	Rejected []RejectedArtifact `json:"rejected,omitempty"`
	// Seen identifies the state of the source that this was found in, for sources
	// that tell; empty for the others. The same state need not be looked at again.
	Seen string `json:"seen,omitempty"`
}

// Empty reports whether the Subscription yielded no artifact at all.
func (d DiscoveredSubscription) Empty() bool {
	return len(d.Images)+len(d.Commits)+len(d.Charts) == 0
}

// RejectedArtifact is an artifact that was seen and not taken, and why.
type RejectedArtifact struct {
	// Ref is the tag, commit id or chart version.
	Ref    string `json:"ref"`
	Reason string `json:"reason"`
}

// Freight assembles Freight from the first artifact of every Subscription. It
// returns false when any Subscription is empty or the Freight is withheld. Alias and DiscoveredAt are left
// for the caller.
func (d Discovery) Freight() (Freight, bool) {
	f := Freight{Warehouse: d.Warehouse}
	for _, s := range d.Subscriptions {
		switch {
		case len(s.Images) > 0:
			f.Images = append(f.Images, s.Images[0])
		case len(s.Commits) > 0:
			f.Commits = append(f.Commits, s.Commits[0])
		case len(s.Charts) > 0:
			f.Charts = append(f.Charts, s.Charts[0])
		default:
			return Freight{}, false
		}
	}
	if len(d.Subscriptions) == 0 || d.Withheld != "" {
		return Freight{}, false
	}
	f.ID = FreightID(f)
	return f, true
}
