public import Foundation

/// A picture of an evaluation: per scene one row of the last context frame, the true frames, the
/// predicted frames, and the predicted disparity in grey, white at 1.5 / m.
public struct ContactSheet {
  /// Pixels of the sheet for a pixel of a frame, and between frames.
  private static let scale = 4
  private static let gap = 4

  private let width: Int
  private let height: Int
  private var rgb: [UInt8]

  public init(_ samples: [Evaluation.Sample], config: Config) {
    precondition(!samples.isEmpty)
    let (tileWidth, tileHeight) = (
      config.width * ContactSheet.scale + ContactSheet.gap,
      config.height * ContactSheet.scale + ContactSheet.gap
    )
    width = tileWidth * (1 + 3 * config.frames)
    height = tileHeight * samples.count
    rgb = [UInt8](repeating: 24, count: width * height * 3)
    for (row, sample) in samples.enumerated() {
      let disparity = sample.prediction.frames.map { frame in
        frame.disparity.flatMap { [Float](repeating: $0 / Patches.disparityLimit, count: 3) }
      }
      let tiles =
        [sample.context.rgb] + sample.truth.frames.map(\.rgb) + sample.prediction.frames.map(\.rgb)
        + disparity
      for (column, tile) in tiles.enumerated() {
        draw(tile, x: column * tileWidth, y: row * tileHeight, config)
      }
    }
  }

  /// The sheet as a PNG file.
  public var png: Data { PNG.encode(rgb: rgb, width: width, height: height) }

  private mutating func draw(_ image: [Float], x: Int, y: Int, _ config: Config) {
    let scale = ContactSheet.scale
    for row in 0..<(config.height * scale) {
      for column in 0..<(config.width * scale) {
        let from = (row / scale * config.width + column / scale) * 3
        let to = ((y + row) * width + x + column) * 3
        for channel in 0..<3 { rgb[to + channel] = UInt8(min(max(image[from + channel], 0), 1) * 255 + 0.5) }
      }
    }
  }
}
