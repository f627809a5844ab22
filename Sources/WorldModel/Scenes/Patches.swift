import Trace

/// Between images and tokens: a token holds the pixels of one patch in raster order.
enum Patches {
  /// Largest disparity that tokens express, in 1/m.
  static let disparityLimit: Float = 1.5

  /// Writes a frame's RGB, scaled to -1...1, and disparity, 2 min(d, 1.5) - 1, from a channel on.
  static func put(_ image: Frame, frame: Int, at offset: Int, into tensor: inout Tensor, _ config: Config) {
    put(image.rgb.map { 2 * $0 - 1 }, channels: 3, frame: frame, at: offset, into: &tensor, config)
    put(
      image.disparity.map { 2 * min($0, disparityLimit) - 1 }, channels: 1, frame: frame,
      at: offset + config.rgbChannels,
      into: &tensor, config)
  }

  /// Writes an image of interleaved channels, from a channel on.
  static func put(
    _ image: [Float], channels: Int, frame: Int, at offset: Int, into tensor: inout Tensor, _ config: Config
  ) {
    forEachValue(channels, config) { token, inToken, inImage in
      tensor.values[(frame * config.tokensPerFrame + token) * tensor.columns + offset + inToken] =
        image[inImage]
    }
  }

  /// Writes one row per patch, from a channel on.
  static func put(_ rows: Tensor, frame: Int, at offset: Int, into tensor: inout Tensor, _ config: Config) {
    for token in 0..<config.tokensPerFrame {
      for channel in 0..<rows.columns {
        tensor.values[(frame * config.tokensPerFrame + token) * tensor.columns + offset + channel] =
          rows.values[token * rows.columns + channel]
      }
    }
  }

  /// Reads a frame back from target tokens, clamped to what an image can hold.
  static func frame(_ index: Int, of target: Tensor, _ config: Config) -> Frame {
    let pixels = config.width * config.height
    var image = Frame(
      rgb: [Float](repeating: 0, count: pixels * 3), disparity: [Float](repeating: 0, count: pixels))
    let first = index * config.tokensPerFrame
    forEachValue(3, config) { token, inToken, inImage in
      let value = target.values[(first + token) * target.columns + inToken]
      image.rgb[inImage] = clamped((value + 1) / 2, to: 1)
    }
    forEachValue(1, config) { token, inToken, inImage in
      let value = target.values[(first + token) * target.columns + config.rgbChannels + inToken]
      image.disparity[inImage] = clamped((value + 1) / 2, to: disparityLimit)
    }
    return image
  }

  /// The raymap of a frame of target tokens, (tokensPerFrame, 6).
  static func raymap(_ index: Int, of target: Tensor, _ config: Config) -> Tensor {
    var rays = Tensor(zeros: config.tokensPerFrame, Config.rayChannels)
    for token in 0..<config.tokensPerFrame {
      for channel in 0..<Config.rayChannels {
        rays.values[token * Config.rayChannels + channel] =
          target.values[
            (index * config.tokensPerFrame + token) * target.columns + config.targetChannels
              - Config.rayChannels
              + channel]
      }
    }
    return rays
  }

  // Visits every value of an image with its token, its place in the token and its place in the image.
  private static func forEachValue(_ channels: Int, _ config: Config, _ body: (Int, Int, Int) -> Void) {
    for y in 0..<config.height {
      for x in 0..<config.width {
        let token = y / config.patch * config.columns + x / config.patch
        let place = y % config.patch * config.patch + x % config.patch
        for channel in 0..<channels {
          body(token, place * channels + channel, (y * config.width + x) * channels + channel)
        }
      }
    }
  }

  // From 0 to a limit; a value that is not a number becomes 0.
  private static func clamped(_ value: Float, to limit: Float) -> Float { value > 0 ? min(value, limit) : 0 }
}
