// Package storetest says how a database behind the bot must behave, as tests
// that any implementation of [Store] can run.
//
// It is used by the tests of implementations only and shares nothing between
// runs: every test opens its own database, and all of them run in parallel.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Store is everything that an implementation offers. It exists to run the suite;
// consumers declare the few methods they need.
type Store interface {
	PutDelivery(ctx context.Context, d store.Delivery) (fresh bool, err error)
	Delivery(ctx context.Context, guid string) (store.Delivery, error)
	HasDelivery(ctx context.Context, guid string) (known, done bool, err error)
	FinishDelivery(ctx context.Context, guid string, now time.Time) error
	FailDelivery(ctx context.Context, guid, message string, now time.Time) error
	PruneDeliveries(ctx context.Context, before time.Time) (int, error)

	Enqueue(ctx context.Context, kind store.WorkKind, key string, due time.Time) error
	Claim(ctx context.Context, kinds []store.WorkKind, now time.Time, lease time.Duration) (store.Job, bool, error)
	Finish(ctx context.Context, j store.Job, next time.Time) error
	Retry(ctx context.Context, j store.Job, at time.Time) error
	NextDue(ctx context.Context, kinds []store.WorkKind) (time.Time, bool, error)
	ReleaseAll(ctx context.Context) error
	Notify() <-chan struct{}
	Wake(ctx context.Context, events []string, now time.Time) (int, error)

	PutRepo(ctx context.Context, r store.RepoRecord, now time.Time) error
	Repo(ctx context.Context, id int64) (store.RepoRecord, error)
	RepoByName(ctx context.Context, owner, name string) (store.RepoRecord, error)
	Repos(ctx context.Context) ([]store.RepoRecord, error)
	Carriers(ctx context.Context, installation int64, commit string) ([]store.RepoRecord, error)
	RemoveRepo(ctx context.Context, id int64, now time.Time) error
	RemoveInstallation(ctx context.Context, installation int64, now time.Time) error
	SaveConfig(ctx context.Context, repoID int64, c store.Config, subs []store.Subscription, now time.Time) error
	MarkSubscribersDue(ctx context.Context, kind pipeline.ArtifactKind, url string, now time.Time) ([]int64, error)
	Warehouses(ctx context.Context, repoID int64) ([]store.WarehouseState, error)
	SaveDiscovery(ctx context.Context, repoID int64, w store.WarehouseState) error

	PipelineWarehouses(ctx context.Context, repoID int64, name string) ([]store.WarehouseState, error)

	Snapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error)
	PipelineSnapshot(ctx context.Context, repoID int64, name string) (pipeline.Snapshot, error)
	CompleteSnapshot(ctx context.Context, repoID int64) (pipeline.Snapshot, error)
	Apply(ctx context.Context, repoID int64, actions []pipeline.Action, now time.Time) (store.Applied, error)
	ApplyPipeline(ctx context.Context, repoID int64, name string, actions []pipeline.Action, now time.Time) (store.Applied, error)
	PutIntents(ctx context.Context, repoID int64, intents []pipeline.Intent, now time.Time) error
	ResolvedIntents(ctx context.Context, repoID int64) ([]store.ResolvedIntent, error)
	PipelineResolvedIntents(ctx context.Context, repoID int64, name string) ([]store.ResolvedIntent, error)
	PutAnswer(ctx context.Context, repoID int64, promotion string, answer pipeline.Answer, now time.Time) error
	PutAuditEvent(ctx context.Context, repoID int64, e store.AuditEvent) error
	AuditEvents(ctx context.Context, repoID int64, limit int) ([]store.AuditEvent, error)
	AnswerIntents(ctx context.Context, repoID int64, ids []string, now time.Time) error

	StagePromotions(ctx context.Context, repoID int64, stage string) ([]pipeline.Promotion, error)
	EarlierPromotions(ctx context.Context, repoID int64, stage string, seq, limit int) ([]pipeline.Promotion, error)
	SavePromotion(ctx context.Context, j store.Job, p pipeline.Promotion) error
	FinishPromotion(ctx context.Context, j store.Job, p pipeline.Promotion, now time.Time) error
	MarkReported(ctx context.Context, j store.Job, promotionID string) error
	Promotion(ctx context.Context, repoID int64, id string) (pipeline.Promotion, error)
	PromotionByPull(ctx context.Context, repoID int64, number int) (pipeline.Promotion, error)
	Promotions(ctx context.Context, repoID int64, limit int) ([]pipeline.Promotion, error)
	CurrentFreight(ctx context.Context, repoID int64, stage, warehouse string) (*pipeline.Freight, error)
	PutFreightMetadata(ctx context.Context, repoID int64, freight string, values map[string]any) error
	FreightMetadata(ctx context.Context, repoID int64, freight string) (map[string]any, error)
	FreightMarks(ctx context.Context, repoID int64, name, freight string) ([]pipeline.Mark, map[string]any, error)
	PutStageMetadata(ctx context.Context, repoID int64, stage string, values map[string]any) error
	StageMetadata(ctx context.Context, repoID int64, name string) (map[string]map[string]any, error)
	Freeze(ctx context.Context, repoID int64, name string) (*pipeline.Freeze, error)
	Prune(ctx context.Context, repoID int64, e store.Expired, now time.Time) (store.Pruned, error)

	StageSuccess(ctx context.Context, repoID int64, stage string) (*pipeline.Promotion, *pipeline.HealthReading, error)
	SaveHealth(ctx context.Context, j store.Job, reading pipeline.HealthReading, now time.Time) error

	Verification(ctx context.Context, repoID int64, id string) (pipeline.VerificationRun, error)
	StageVerification(ctx context.Context, repoID int64, stage string) (*pipeline.VerificationRun, error)
	UnreportedVerifications(ctx context.Context, repoID int64, stage string) ([]pipeline.VerificationRun, error)
	SaveVerification(ctx context.Context, j store.Job, run pipeline.VerificationRun) error
	FinishVerification(ctx context.Context, j store.Job, run pipeline.VerificationRun, now time.Time) error
	MarkVerificationReported(ctx context.Context, j store.Job, id string) error

	PutSecret(ctx context.Context, repoID int64, name string, ciphertext []byte, now time.Time) error
	Secret(ctx context.Context, repoID int64, name string) ([]byte, error)
	Secrets(ctx context.Context, repoID int64) ([]store.SecretHead, error)
	DeleteSecret(ctx context.Context, repoID int64, name string) error
	PutCredential(ctx context.Context, repoID int64, c store.Credential, now time.Time) error
	Credential(ctx context.Context, repoID int64, kind pipeline.ArtifactKind, url string) (store.Credential, error)
	Credentials(ctx context.Context, repoID int64) ([]store.CredentialHead, error)
	DeleteCredential(ctx context.Context, repoID int64, kind pipeline.ArtifactKind, url string) error

	BeginRemote(ctx context.Context, repoID int64, kind, key string, now time.Time) (obj store.RemoteObject, fresh bool, err error)
	SaveRemote(ctx context.Context, repoID int64, o store.RemoteObject) error
	Tags(ctx context.Context, repoURL string, tags []string) (map[string]store.TagRecord, error)
	PutTags(ctx context.Context, repoURL string, tags []store.TagRecord) error
	Setting(ctx context.Context, key string) (string, error)
	PutSetting(ctx context.Context, key, value string) error
	Ready(ctx context.Context) error
}

// Run runs the suite. open returns a new, empty Store that is closed with the
// test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	groups := []map[string]func(*fixture){
		deliveryTests, workTests, wakeTests, repoTests, warehouseTests, intentTests, applyTests, promotionTests,
		markTests, snapshotTests, wholeTests, remoteTests, concurrencyTests,
		requestTests, freightTests, holdTests, verificationTests, pipelineTests, secretTests, pruneTests, healthTests, metadataTests,
	}
	t.Run("whatever happens, a store does what the model says", func(t *testing.T) {
		t.Parallel()
		testModel(t, open)
	})
	for _, group := range groups {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(&fixture{T: t, Store: open(t), ctx: t.Context()})
			})
		}
	}
}
