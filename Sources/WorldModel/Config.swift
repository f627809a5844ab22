public import Trace

/// The blueprint of the denoiser: every size that weights, features and scenes agree on.
public struct Config: Hashable, Sendable {
  /// The model's name in weights and traces.
  public static let name = "wctrace-world-1"
  /// Frames that one chunk predicts, and context frames it is conditioned on.
  public var frames = 4
  public static let contextFrames = 2
  /// Pixels.
  public var height = 32
  public var width = 48
  /// Edge of a square patch, in pixels.
  public var patch = 4
  /// Width of the residual stream, blocks and attention heads.
  public var dim = 192
  public var blocks = 6
  public var heads = 6

  public init() {}

  public var rows: Int { height / patch }
  public var columns: Int { width / patch }
  public var tokensPerFrame: Int { rows * columns }
  public var tokens: Int { frames * tokensPerFrame }

  // Channels of a token: RGB and disparity of its pixels, and one ray.
  public var rgbChannels: Int { patch * patch * 3 }
  public var disparityChannels: Int { patch * patch }
  public static let rayChannels = 6
  public static let actionChannels = 3
  public var targetChannels: Int { rgbChannels + disparityChannels + Config.rayChannels }
  /// Per context frame: RGB, disparity and mask, reprojected; then the commanded ray.
  public var reprojectedChannels: Int { rgbChannels + 2 * disparityChannels }
  public var conditionChannels: Int { Config.contextFrames * reprojectedChannels + Config.rayChannels }

  /// The modalities of the `output` layout, in row order, with their valid channels.
  public var modalities: [(name: String, channels: Int)] {
    [("rgb", rgbChannels), ("disparity", disparityChannels), ("raymap", Config.rayChannels)]
  }

  /// The `output` layout: one row per modality, frame, row and column, padded to the widest modality.
  public var outputLayout: TokenTable {
    var tokens: [TokenTable.Token] = []
    for (index, modality) in modalities.enumerated() {
      for place in places {
        tokens.append(
          .init(
            modality: index, frame: place.frame, row: place.row, column: place.column,
            validChannels: modality.channels))
      }
    }
    return TokenTable(
      name: "output", modalities: modalities.map(\.name), channelCount: modalities.map(\.channels).max()!,
      tokens: tokens)
  }

  /// The layout of the residual stream: one row per space-time patch.
  public var hiddenLayout: TokenTable {
    TokenTable(
      name: "hidden", modalities: ["joint"], channelCount: dim,
      tokens: places.map {
        .init(modality: 0, frame: $0.frame, row: $0.row, column: $0.column, validChannels: dim)
      })
  }

  /// What the rows of the tensors at a tap stand for.
  public func layout(of tap: Tap) -> TokenTable {
    switch tap {
    case .latent, .output, .guided: outputLayout
    case .timestep: vectorLayout
    case .hidden, .modulated, .block: hiddenLayout
    }
  }

  /// The layout of a step vector of the model's width.
  public var vectorLayout: TokenTable { .vector(name: "step", channelCount: dim) }

  // Frame, row and column of every token, in token order.
  private var places: [(frame: Int, row: Int, column: Int)] {
    (0..<tokens).map { ($0 / tokensPerFrame, $0 % tokensPerFrame / columns, $0 % columns) }
  }
}
