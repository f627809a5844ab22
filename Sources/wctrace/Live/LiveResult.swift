import WorldCache
import WorldModel

/// One method on one scene and noise: what was decided, what it took and how good it was.
struct LiveResult: Sendable {
  let scene: Int
  let noise: Int
  let method: String
  let kind: String
  let computedCount: Int
  let callCount: Int
  let evaluationCount: Int
  var uncachedEvaluationCount = 0
  /// Wall seconds, medians over the repeats.
  var seconds = 0.0
  var uncachedSeconds = 0.0
  let peakByteCount: Int
  let controllerSeconds: ControllerSeconds
  let comparison: RolloutComparison
  let streams: [LiveStream]

  init(_ member: LiveBatch.Member, _ method: LiveMethod, _ run: LiveRun, _ comparison: RolloutComparison) {
    scene = member.scene
    noise = member.noise
    self.method = method.name
    kind = method.kindName
    computedCount = run.computedCount
    callCount = run.callCount
    evaluationCount = run.evaluationCount
    peakByteCount = run.peakByteCount
    controllerSeconds = run.controllerSeconds
    self.comparison = comparison
    streams = run.streams
  }

  /// Wall seconds of the uncached rollout divided by those of the method.
  var speedup: Double { uncachedSeconds / seconds }
  /// The cache's own seconds as a part of what the uncached rollout takes for as many calls.
  var controllerFraction: Double { controllerSeconds.total / uncachedSeconds }

  /// A ground-truth error divided by that of the uncached rollout.
  func retained(_ error: (TruthErrors) -> Double) -> Double {
    error(comparison.errors) / error(comparison.uncachedErrors)
  }
}
