import Foundation
import Trace

/// The learned parameters of the denoiser, by the names of the safetensors file.
public struct Weights: Sendable {
  /// An affine map: `weight` is (outputs, inputs) row-major.
  struct Linear: Sendable {
    let weight: [Float]
    let bias: [Float]
    let inputs: Int
    let outputs: Int
  }

  /// A 3 x 3 convolution of each channel by itself over the grid of a frame.
  struct Convolution: Sendable {
    /// (9, channels): the neighbours in raster order, channels side by side.
    let weight: [Float]
    let bias: [Float]
  }

  /// One transformer block; `ada` makes its six modulation vectors, `mix` looks at neighbours.
  struct Block: Sendable {
    let ada: Linear
    let qkv: Linear
    let proj: Linear
    let mix: Convolution
    let fc1: Linear
    let fc2: Linear
  }

  /// Sine and cosine numbers that the timestep embedding starts from.
  static let timeChannels = 128

  public let config: Config
  /// 64-bit FNV-1a of the file's bytes, 16 hexadecimal digits.
  public let digest: String
  /// What the training script noted, such as `steps_trained`.
  public let metadata: [String: String]

  let embed: Linear
  /// (tokensPerFrame, dim) and (frames, dim).
  let positionSpace: [Float]
  let positionTime: [Float]
  let time1: Linear
  let time2: Linear
  let action: Linear
  /// (dim), in place of the action of an unconditional call.
  let nullAction: [Float]
  let blocks: [Block]
  let finalAda: Linear
  let finalOut: Linear

  /// Reads a safetensors file and checks every size against the configuration.
  ///
  /// Throws ``TraceError``: what ``Safetensors`` throws, `lacking` for a missing array or metadata
  /// entry, `invalid` for one that does not fit or is not known.
  public init(path: String, config: Config = Config()) throws {
    let file = try Safetensors(path: path)
    try Weights.check(file.metadata, config, path)
    var reader = Reader(file: file)
    let dim = config.dim
    embed = try reader.linear("embed", config.targetChannels + config.conditionChannels, dim)
    positionSpace = try reader.values("pos_space", [config.tokensPerFrame, dim])
    positionTime = try reader.values("pos_time", [config.frames, dim])
    time1 = try reader.linear("time.1", Weights.timeChannels, dim)
    time2 = try reader.linear("time.2", dim, dim)
    action = try reader.linear("action", Config.actionChannels, dim)
    nullAction = try reader.values("null_action", [dim])
    var blocks: [Block] = []
    for index in 0..<config.blocks {
      let name = "blocks.\(index)"
      blocks.append(
        Block(
          ada: try reader.linear("\(name).ada", dim, 6 * dim),
          qkv: try reader.linear("\(name).qkv", dim, 3 * dim),
          proj: try reader.linear("\(name).proj", dim, dim),
          mix: try reader.convolution("\(name).mix", dim),
          fc1: try reader.linear("\(name).fc1", dim, 4 * dim),
          fc2: try reader.linear("\(name).fc2", 4 * dim, dim)))
    }
    self.blocks = blocks
    finalAda = try reader.linear("final.ada", dim, 2 * dim)
    finalOut = try reader.linear("final.out", dim, config.targetChannels)
    if let unknown = Set(file.entries.keys).subtracting(reader.used).min() {
      throw TraceError(.invalid, path: path, at: unknown, "the model has no array of this name")
    }
    self.config = config
    digest = file.digest
    metadata = file.metadata
  }

  /// The weights that come with the package; throws `missing` when they are not beside the program.
  public static func bundled() throws -> Weights { try bundled(beside: Bundle.main.bundleURL) }

  // The bundle that SwiftPM makes would end the program where it is missing, or be found where it was built only.
  static func bundled(beside folder: URL) throws -> Weights {
    let bundle = folder.appending(path: "wctrace_WorldModel.resources")
    let file = bundle.appending(path: "Resources/world-1.safetensors").path
    guard FileManager.default.fileExists(atPath: file) else {
      throw TraceError(
        .missing, path: bundle.path,
        "the folder with the bundled weights is not beside the program; copy it along with the program, or name other "
          + "weights")
    }
    return try Weights(path: file)
  }

  // The head count shows in no shape, so the file has to state the sizes it was trained with.
  private static func check(_ metadata: [String: String], _ config: Config, _ path: String) throws(TraceError)
  {
    let expected = [
      ("config", Config.name), ("frames", "\(config.frames)"), ("height", "\(config.height)"),
      ("width", "\(config.width)"), ("patch", "\(config.patch)"), ("dim", "\(config.dim)"),
      ("blocks", "\(config.blocks)"), ("heads", "\(config.heads)"),
    ]
    for (key, value) in expected {
      let place = "__metadata__ \(key)"
      guard let found = metadata[key] else {
        throw TraceError(
          .lacking, path: path, at: place, "the metadata has no such entry; it must be \(value)")
      }
      guard found == value else {
        throw TraceError(.invalid, path: path, at: place, "the file says \(found); this model has \(value)")
      }
    }
  }

  // Hands out arrays of the right shape and remembers which were asked for.
  private struct Reader {
    let file: Safetensors
    var used: Set<String> = []

    mutating func values(_ name: String, _ shape: [Int]) throws -> [Float] {
      used.insert(name)
      let values = try file.values(name)
      guard let found = file.entries[name]?.shape, found == shape else {
        throw TraceError(
          .invalid, path: file.path, at: name,
          "the shape is \(file.entries[name]?.shape ?? []); this model needs \(shape)")
      }
      return values
    }

    // The file has the channels outermost, as PyTorch does.
    mutating func convolution(_ name: String, _ channels: Int) throws -> Convolution {
      let values = try values(name + ".weight", [channels, 1, 3, 3])
      return Convolution(
        weight: (0..<9).flatMap { place in (0..<channels).map { values[$0 * 9 + place] } },
        bias: try self.values(name + ".bias", [channels]))
    }

    mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
      Linear(
        weight: try values(name + ".weight", [outputs, inputs]), bias: try values(name + ".bias", [outputs]),
        inputs: inputs, outputs: outputs)
    }
  }
}
