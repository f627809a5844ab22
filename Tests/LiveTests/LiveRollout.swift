import Foundation
import ModelSupport
import TestSupport
import Trace

@testable import WorldCache
@testable import WorldModel

/// Rollouts of the tiny model under policies.
enum LiveRollout {
  /// Every ordinary policy with its defaults, and settings that skip in a short rollout.
  static let specs: [String] =
    PolicyRegistry.entries.compactMap { entry in
      guard case .ordinary = entry.kind, entry.load == nil else { return nil }
      var settings: [PolicySpec.Setting] = []
      for parameter in entry.parameters where parameter.defaultValue == nil && parameter.condition == nil {
        settings.append(.init(parameter.key, entry.name == "mask" ? "0+3+8" : "8"))
      }
      return ["schedule", "dbcache"].contains(entry.name)
        ? nil : PolicySpec(name: entry.name, settings: settings).description
    } + [
      "taylor:order=2,interval=3,site=stack", "interval:every=3,site=rest.2.1", "interval:every=2,site=gain",
      "taylor:interval=3,order=1,site=guided", "interval:every=3,site=hidden",
      "meancache:list=own,computed=0+1+5,orders=1+4", "freqca:interval=2,site=output",
      "freqca:transform=fourier,fraction=0.5,interval=3", "fastercache:below=1000,every=3",
      "worldcache:warmup=3,eta=0.5", "worldcache:warmup=3,coupling=separate,eta=0.4",
      "worldcache:criterion=speed,quantiles=modality,groups=damped+linear+hold,warmup=3",
      "teacache:threshold=2", "teacache:model=wan2.1-t2v-14b,threshold=500", "magcache:family=wan",
      "magcache:family=diffusers,threshold=1", "easycache:warmup=2,threshold=0.5",
      "first-block:threshold=0.2",
      "first-block:branches=separate,threshold=0.3,warmup=3", "dbcache:fn=2,bn=2,warmup=1,threshold=0.5",
      "dbcache:fn=1,warmup=2,threshold=0.3,branches=separate", "dicache:threshold=1",
      "dicache:variant=wan,threshold=0.5",
      "dicache:variant=flux-minus,threshold=0.3", "seacache:threshold=0.4",
      "seacache:model=wan,threshold=0.4",
      "sencache:scale=10", "adacache:codebook=30-fast", "bwcache:threshold=0.5",
      "mask:calls=0+1+2+6,predictor=worldcache",
    ]

  static func rollout(guidance: Double = 1, steps: Int = 12, chunks: Int = 1) throws -> Rollout {
    Rollout(
      weights: try TinyModel.weights(), stepCount: steps, shift: 3, guidance: guidance, chunkCount: chunks,
      sceneSeed: 5, noiseSeed: 1)
  }

  static func cache(_ spec: String, _ rollout: Rollout) throws -> LiveCache {
    try LiveCache(
      PolicyRegistry.plan(spec), calls: rollout.calls, blockCount: rollout.weights.config.blocks,
      layout: rollout.weights.config.layout)
  }

  /// Records a rollout at some taps or all under a hook, and reads it.
  static func record<Result>(
    _ rollout: Rollout, _ inner: any CallHook, taps: [Tap]? = nil,
    _ body: (TraceReader, Recorder) throws -> Result
  ) throws -> Result {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "live.h5").path
      let config = rollout.weights.config
      let line = taps ?? Tap.line(blockCount: config.blocks)
      let writer = try TraceWriter(
        path: path, header: rollout.header(recorder: "tests"),
        layouts: [config.outputLayout, config.hiddenLayout, config.vectorLayout],
        taps: Dictionary(uniqueKeysWithValues: line.map { ($0, config.layout(of: $0).name) }),
        callCount: rollout.calls.count)
      var recorder = Recorder(sink: writer, inner: inner)
      let chunks = try rollout.run(hook: &recorder)
      for chunk in chunks {
        try writer.setFinal(chunk: chunk.index, config.outputRows(chunk.latent))
      }
      try writer.finish()
      return try body(try TraceReader(path: path), recorder)
    }
  }
}

extension [LiveStream] {
  /// Decisions and reasons as a text, chunk by chunk and lane by lane.
  var story: String {
    map { stream in
      stream.lanes.map { lane in
        lane.map { "\($0.action == .compute ? "C" : "p"):\($0.reason.rawValue)" }.joined(separator: " ")
      }.joined(separator: " | ")
    }.joined(separator: "\n")
  }
}
