import Foundation
import TestSupport
package import Trace
package import WorldModel

/// A model of the bundled one's shape that runs in milliseconds, with random weights.
package enum TinyModel {
  package static let config: Config = {
    var config = Config()
    (config.frames, config.height, config.width) = (2, 8, 12)
    (config.dim, config.heads) = (16, 2)
    return config
  }()

  package static let metadata = [
    "config": Config.name, "frames": "2", "height": "8", "width": "12", "patch": "4", "dim": "16",
    "blocks": "6",
    "heads": "2", "steps_trained": "0",
  ]

  /// Every array of the model, filled from a fixed seed.
  package static let arrays: [String: (shape: [Int], values: [Float])] = {
    var random = SeededGenerator(seed: 11)
    var arrays: [String: (shape: [Int], values: [Float])] = [:]
    func add(_ name: String, _ shape: [Int]) {
      let count = shape.reduce(1, *)
      arrays[name] = (shape, (0..<count).map { _ in 0.2 * random.normal() })
    }
    func addLinear(_ name: String, _ inputs: Int, _ outputs: Int) {
      add(name + ".weight", [outputs, inputs])
      add(name + ".bias", [outputs])
    }
    let dim = config.dim
    addLinear("embed", config.targetChannels + config.conditionChannels, dim)
    add("pos_space", [config.tokensPerFrame, dim])
    add("pos_time", [config.frames, dim])
    addLinear("time.1", 128, dim)
    addLinear("time.2", dim, dim)
    addLinear("action", 3, dim)
    add("null_action", [dim])
    for block in 0..<config.blocks {
      for (name, inputs, outputs) in [
        ("ada", 1, 6), ("qkv", 1, 3), ("proj", 1, 1), ("fc1", 1, 4), ("fc2", 4, 1),
      ] {
        addLinear("blocks.\(block).\(name)", inputs * dim, outputs * dim)
      }
      add("blocks.\(block).mix.weight", [dim, 1, 3, 3])
      add("blocks.\(block).mix.bias", [dim])
    }
    addLinear("final.ada", dim, 2 * dim)
    addLinear("final.out", dim, config.targetChannels)
    return arrays
  }()

  package static func weights() throws -> Weights {
    let path = try SafetensorsFile.write(SafetensorsFile.bytes(arrays, metadata: metadata))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Weights(path: path, config: config)
  }

  /// Noise of a shape, from a seed.
  package static func noise(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
    var random = SeededGenerator(seed: seed)
    return Tensor(rows: rows, columns: columns, values: (0..<(rows * columns)).map { _ in random.normal() })
  }

  /// The calls of one step at a noise level, with or without guidance.
  package static func group(guidance: Double, sigma: Double = 0.6) -> [Call] {
    (0..<(guidance == 1 ? 1 : 2)).map {
      Call(
        ordinal: $0, branch: $0, step: 0, position: 0, timestep: 1000 * sigma, sigma: sigma,
        guidance: guidance,
        weight: -1)
    }
  }

  /// Evaluates one step of the tiny model on fixed inputs.
  package static func evaluate(guidance: Double, hook: inout some CallHook) throws -> Tensor {
    var denoiser = Denoiser(try weights())
    return try denoiser.evaluate(
      group(guidance: guidance), latent: noise(config.tokens, config.targetChannels, seed: 1),
      condition: noise(config.tokens, config.conditionChannels, seed: 2),
      actions: noise(config.frames, 3, seed: 3),
      hook: &hook)
  }
}

/// Keeps everything it is shown, and takes one jump if told to.
package struct Keeper: CallHook {
  package var jump: (from: Tap, to: Tap, tensors: [Tensor])?
  package private(set) var begun: [[Call]] = []
  package private(set) var shown: [(tap: Tap, tensors: [Tensor])] = []

  package init(jump: (from: Tap, to: Tap, tensors: [Tensor])? = nil) { self.jump = jump }

  package mutating func begin(_ group: [Call]) { begun.append(group) }

  package mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
    shown.append((tap, tensors))
    if let jump, jump.from == tap { return .jump(to: jump.to, with: jump.tensors) }
    return .onward
  }

  /// The last tensors shown at a tap.
  package subscript(tap: Tap) -> [Tensor]? { shown.last { $0.tap == tap }?.tensors }
}
