import Foundation

/// Where a camera stands on the floor plan and where it looks; it is level and at a fixed height.
public struct Pose: Hashable, Sendable {
  /// Metres, to the right and ahead.
  public var x: Float
  public var z: Float
  /// Radians, positive to the right.
  public var yaw: Float

  public init(x: Float = 0, z: Float = 0, yaw: Float = 0) {
    self.x = x
    self.z = z
    self.yaw = yaw
  }

  /// This pose seen from another one.
  public func relative(to origin: Pose) -> Pose {
    let (dx, dz) = (x - origin.x, z - origin.z)
    let (s, c) = (sin(origin.yaw), cos(origin.yaw))
    return Pose(x: c * dx - s * dz, z: s * dx + c * dz, yaw: yaw - origin.yaw)
  }

  /// The pose after turning and then moving, as an action commands.
  public func moved(by action: Action) -> Pose {
    let heading = yaw + action.yaw
    return Pose(
      x: x + cos(heading) * action.strafe + sin(heading) * action.forward,
      z: z - sin(heading) * action.strafe + cos(heading) * action.forward, yaw: heading)
  }

  /// A direction or offset in this camera's frame, turned into the parent frame.
  func turned(_ v: SIMD3<Float>) -> SIMD3<Float> {
    let (s, c) = (sin(yaw), cos(yaw))
    return SIMD3(c * v.x + s * v.z, v.y, c * v.z - s * v.x)
  }
}

/// What the camera is told to do from one frame to the next.
public struct Action: Hashable, Sendable {
  /// Metres.
  public var forward: Float
  public var strafe: Float
  /// Radians.
  public var yaw: Float

  /// The scales that bring the components to about one, as the denoiser reads them.
  static let scale = Action(forward: 0.2, strafe: 0.1, yaw: 0.0873)

  var normalized: [Float] {
    [forward / Action.scale.forward, strafe / Action.scale.strafe, yaw / Action.scale.yaw]
  }
}

/// A pinhole camera with square pixels and a horizontal field of view of 80 degrees.
public struct Camera: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// Focal length in pixels.
  public let focal: Float

  /// Height above the floor in metres.
  static let eye: Float = 1.3

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
    focal = Float(width) / 2 / tan(80 * .pi / 360)
  }

  /// The ray through a point of the image in pixels, scaled to unit depth.
  func ray(_ u: Float, _ v: Float) -> SIMD3<Float> {
    SIMD3((u - Float(width) / 2) / focal, (Float(height) / 2 - v) / focal, 1)
  }
}

/// One rendered or predicted image with its depth.
public struct Frame: Hashable, Sendable {
  /// Row-major RGB in 0...1, `height * width * 3`.
  public var rgb: [Float]
  /// Reciprocal depth along the optical axis in 1/m, `height * width`.
  public var disparity: [Float]

  public init(rgb: [Float], disparity: [Float]) {
    self.rgb = rgb
    self.disparity = disparity
  }
}
