package pipeline

import (
	"encoding/hex"
	"strconv"
)

// Alias returns a friendly name for Freight, derived from its id so that the
// same Freight gets the same alias after the database was lost. taken reports
// names already in use in the pipeline; the first free one is returned.
func Alias(freightID string, taken func(string) bool) string {
	sum, err := hex.DecodeString(freightID)
	if err != nil || len(sum) < 4 {
		sum = append([]byte(freightID), 0, 0, 0, 0)
	}
	base := adjectives[(int(sum[0])<<8|int(sum[1]))%len(adjectives)] + "-" +
		animals[(int(sum[2])<<8|int(sum[3]))%len(animals)]
	alias := base
	for n := 2; taken(alias); n++ {
		alias = base + "-" + strconv.Itoa(n)
	}
	return alias
}

// The word lists are part of what users see and remember: append, never reorder.
var (
	adjectives = []string{
		"agile", "amber", "ample", "azure", "bold", "brave", "breezy", "bright", "brisk", "calm",
		"candid", "clever", "cosmic", "crisp", "curious", "daring", "deft", "eager", "early", "earnest",
		"fancy", "fleet", "fond", "frank", "gentle", "glad", "golden", "grand", "hardy", "hasty",
		"honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow",
		"merry", "mighty", "misty", "modest", "neat", "nimble", "noble", "patient", "placid", "plucky",
		"polite", "proud", "quick", "quiet", "rapid", "ready", "robust", "rustic", "serene", "sharp",
		"silent", "silver", "sincere", "sleek", "smooth", "snowy", "solid", "spry", "steady", "sturdy",
		"sunny", "swift", "tidy", "tranquil", "trusty", "upbeat", "valiant", "vivid", "warm", "wise",
	}
	animals = []string{
		"badger", "bear", "beaver", "bison", "bobcat", "buffalo", "camel", "caribou", "cheetah", "condor",
		"cougar", "coyote", "crane", "cricket", "dingo", "dolphin", "donkey", "dove", "eagle", "egret",
		"elk", "falcon", "ferret", "finch", "fox", "gazelle", "gecko", "gibbon", "goose", "gopher",
		"hare", "hawk", "hedgehog", "heron", "hornet", "horse", "ibex", "iguana", "jackal", "jaguar",
		"kestrel", "koala", "lark", "lemur", "leopard", "llama", "lynx", "magpie", "mammoth", "marmot",
		"marten", "meerkat", "mole", "moose", "newt", "ocelot", "orca", "osprey", "otter", "owl",
		"panda", "panther", "parrot", "pelican", "penguin", "puffin", "puma", "quail", "rabbit", "raven",
		"robin", "salmon", "seal", "sparrow", "stork", "swan", "tapir", "tiger", "turtle", "walrus",
	}
)
