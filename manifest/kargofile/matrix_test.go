package kargofile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMatrixMeansItsStagesWrittenOut(t *testing.T) {
	t.Parallel()
	const matrix = oneWarehouse + `stages:
  - name: uat-${{ matrix.region }}-${{ matrix.name }}
    matrix: {region: [us], name: [a], tier: [1]}
    labels: {region: "${{ matrix.region }}"}
    from: web
    vars:
      - {name: tier, value: "${{ matrix.tier }}"}
      - {name: text, value: "v${{ matrix.tier }}"}
      - {name: computed, value: "${{ matrix.region + '!' }}"}
      - {name: literal, value: "${{ [matrix.tier, matrix?.region, matrix['region']] }}"}
    update: [{file: "${{ matrix.region }}.yaml", key: a, value: "${{ matrix.tier }}"}]
  - name: uat
    matrix: {region: [us, eu]}
    labels: {region: "${{ matrix.region }}"}
    from: uat-us-*
  - name: text-${{ matrix.n }}
    matrix: {n: [a], version: ["1.20"]}
    from: web
    vars: {v: "${{ matrix.version }}", l: "${{ [matrix.version] }}", q: "${{ quote(matrix.version) }}"}
    promotionTemplate:
      spec:
        steps:
          - {uses: delete, if: "${{ matrix.n }}", config: {path: "a/${% matrix.n %}/b"}}
`
	const explicit = oneWarehouse + `stages:
  - name: uat-us-a
    labels: {region: us}
    from: web
    vars:
      - {name: tier, value: 1}
      - {name: text, value: v1}
      - {name: computed, value: "${{ \"us\" + '!' }}"}
      - {name: literal, value: "${{ [1, \"us\", \"us\"] }}"}
    update: [{file: us.yaml, key: a, value: 1}]
  - name: uat-us
    labels: {region: us}
    from: [uat-us-a]
  - name: uat-eu
    labels: {region: eu}
    from: [uat-us-a]
  - name: text-a
    from: web
    vars:
      - {name: v, value: "1.20"}
      - {name: l, value: "${{ [\"1.20\"] }}"}
      - {name: q, value: "${{ quote(\"1.20\") }}"}
    promotionTemplate:
      spec:
        steps:
          - {uses: delete, if: "${{ \"a\" }}", config: {path: a/a/b}}
`
	if diff := cmp.Diff(parse(t, explicit).Pipeline, parse(t, matrix).Pipeline); diff != "" {
		t.Errorf("the matrix means something else (-written out +matrix):\n%s", diff)
	}
}

func TestCombinationsAreInTheOrderOfTheKeys(t *testing.T) {
	t.Parallel()
	p := parse(t, oneWarehouse+"stages:\n  - {name: a, from: web, matrix: {z: [x, y], b: [2, 1]}}\n").Pipeline
	if diff := cmp.Diff([]string{"a-x-2", "a-x-1", "a-y-2", "a-y-1"}, p.StageNames()); diff != "" {
		t.Error(diff)
	}
}
