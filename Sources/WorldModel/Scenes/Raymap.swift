import Foundation
public import Trace

/// A camera's motion as one ray per patch: unit direction and origin in the last context frame's frame.
public enum Raymap {
  /// Metres that an origin channel of one stands for.
  static let metresPerUnit: Float = 0.5

  /// The rays of a pose, (tokensPerFrame, 6): direction x, y, z, origin x, y, z.
  static func encode(_ pose: Pose, _ config: Config) -> Tensor {
    var tensor = Tensor(zeros: config.tokensPerFrame, Config.rayChannels)
    for (token, ray) in centers(config).enumerated() {
      let direction = pose.turned(ray)
      let values = [direction.x, direction.y, direction.z, pose.x / metresPerUnit, 0, pose.z / metresPerUnit]
      for channel in 0..<Config.rayChannels {
        tensor.values[token * Config.rayChannels + channel] = values[channel]
      }
    }
    return tensor
  }

  /// The pose that fits a predicted raymap best: the mean origin, and the turn about the vertical
  /// that brings the camera's own rays closest to the predicted directions (least squares).
  public static func decode(_ rays: Tensor, _ config: Config) -> Pose {
    var (along, across, x, z) = (Float(0), Float(0), Float(0), Float(0))
    for (token, ray) in centers(config).enumerated() {
      let at = token * Config.rayChannels
      let (dx, dz) = (rays.values[at], rays.values[at + 2])
      along += ray.x * dx + ray.z * dz
      across += ray.z * dx - ray.x * dz
      x += rays.values[at + 3]
      z += rays.values[at + 5]
    }
    let scale = metresPerUnit / Float(config.tokensPerFrame)
    return Pose(x: x * scale, z: z * scale, yaw: atan2(across, along))
  }

  // Unit rays through the patch centres, in the camera's own frame.
  private static func centers(_ config: Config) -> [SIMD3<Float>] {
    let camera = Camera(width: config.width, height: config.height)
    return (0..<config.tokensPerFrame).map { token in
      let (row, column) = (token / config.columns, token % config.columns)
      let ray = camera.ray(
        (Float(column) + 0.5) * Float(config.patch), (Float(row) + 0.5) * Float(config.patch))
      return ray / (ray * ray).sum().squareRoot()
    }
  }
}
