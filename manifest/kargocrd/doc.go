// Package kargocrd turns the Kubernetes manifests of Kargo into the .kargo.yaml
// that says the same.
//
// It reads Project, ProjectConfig, Warehouse, Stage, PromotionTask and
// ClusterPromotionTask of every Kargo release since 1.0, MessageChannel and
// ClusterMessageChannel of the Akuity Platform, and the AnalysisTemplate and
// ClusterAnalysisTemplate of Argo Rollouts. Every field of a manifest is
// either carried over, turned into what stands for it, or named in a [Loss] with
// the reason; nothing is dropped in silence.
//
// The package is pure: bytes in, bytes out. It does not judge the result, which
// package kargofile does.
package kargocrd
