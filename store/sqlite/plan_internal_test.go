package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A statement that reads the whole table is fast in every test and slow in
// production.
func TestStatementsReadIndexes(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, tt := range map[string]struct {
		statement string
		indexes   []string
	}{
		"claim":            {claimSQL, []string{"work_free", "work_leased"}},
		"next due":         {nextDueSQL, []string{"work_free", "work_leased"}},
		"release all":      {releaseAllSQL, []string{"work_leased"}},
		"wake":             {wakeSQL, nil},
		"mark subscribers": {markSubscribersSQL, nil},
		"snapshot":         {selectPromotion + snapshotPromotions, []string{"promotion_open", "promotion_newest", "recent USING COVERING INDEX"}},
		"snapshot runs": {
			selectVerification + snapshotVerifications, []string{"verification_open", "verification_newest", "recent USING COVERING INDEX"},
		},
		"snapshot marks":     {selectMarks, nil},
		"all stages":         {selectAllStages, nil},
		"pipeline's stages":  {selectPipelineStages, []string{"INDEX stage_pipeline"}},
		"all freight":        {selectAllFreight, nil},
		"pipeline's freight": {selectPipelineFreight, []string{"freight_alias (repo=? AND pipeline=?)"}},
		"freight's marks":    {selectFreightMarks, []string{"mark_freight"}},
		"open run":           {selectOpenVerification, []string{"verification_open"}},
		"unreported runs":    {selectUnreportedVerifications, []string{"verification_unreported"}},
		"precedents":         {selectPrecedents, []string{"verification_open", "verification_newest"}},
		"freight in use":     {freightInUse, []string{"mark_freight", "promotion_open", "verification_open"}},
		"promotion in use":   {promotionInUse, nil},
		"purge freight":      {purgeFreight, []string{"freight_deleted"}},
		"old runs":           {expiredVerifications, nil},
		"old intents":        {pruneIntents, []string{"intent_answered"}},
		"old specs":          {pruneSpecs, []string{"promotion_spec", "verification_spec"}},
		"resolved intents":   {selectResolvedIntents, []string{"intent_open"}},
		"stage promotions":   {selectStagePromotions, []string{"promotion_unreported"}},
		"earlier promotions": {selectEarlierPromotions, nil},
		"promotion list":     {selectPromotionList, []string{"promotion_created"}},
		"by pull request":    {selectPromotionByPull, []string{"promotion_pull"}},
		"open intents":       {selectOpenIntents, []string{"intent_open"}},
		"prune":              {pruneSQL, []string{"delivery_age"}},
	} {
		t.Run(name, func(t *testing.T) {
			steps, err := collect(t.Context(), db.writer, func(rows *sql.Rows, s *string) error {
				var id, parent, unused int
				return rows.Scan(&id, &parent, &unused, s)
			}, "EXPLAIN QUERY PLAN "+tt.statement, make([]any, strings.Count(tt.statement, "?"))...)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range steps {
				what, ok := strings.CutPrefix(step, "SCAN ")
				if ok && !slices.Contains(small, strings.Fields(what)[0]) {
					t.Errorf("reads all of a table: %s", step)
				}
			}
			for _, index := range tt.indexes {
				if !strings.Contains(strings.Join(steps, "\n"), index) {
					t.Errorf("does without %s:\n%s", index, strings.Join(steps, "\n"))
				}
			}
		})
	}
}

// small are the names that statements give to short lists of their own.
var small = []string{"k", "w", "c", "json_each", "CONSTANT"}
