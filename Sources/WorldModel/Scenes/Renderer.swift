import Foundation

/// A ray caster: the ground truth of what a camera in a scene sees.
public struct Renderer: Sendable {
  public let camera: Camera
  // Rays per pixel edge; nine rays a pixel keep edges smooth.
  private static let oversampling = 3

  public init(camera: Camera) { self.camera = camera }

  /// The image of the scene at a frame number, with the disparity of each pixel's centre.
  public func render(_ scene: Scene, at frame: Int, from pose: Pose) -> Frame {
    let balls = scene.balls(at: frame)
    let eye = SIMD3(pose.x, Camera.eye, pose.z)
    let n = Renderer.oversampling
    var image = Frame(
      rgb: [Float](repeating: 0, count: camera.width * camera.height * 3),
      disparity: [Float](repeating: 0, count: camera.width * camera.height))
    for y in 0..<camera.height {
      for x in 0..<camera.width {
        var sum = SIMD3<Float>.zero
        for sample in 0..<(n * n) {
          let u = Float(x) + (Float(sample % n) + 0.5) / Float(n)
          let v = Float(y) + (Float(sample / n) + 0.5) / Float(n)
          let hit = cast(from: eye, along: pose.turned(camera.ray(u, v)), scene, balls)
          sum += hit.color
          if sample == n * n / 2 { image.disparity[y * camera.width + x] = 1 / hit.depth }
        }
        let color = sum / Float(n * n)
        for channel in 0..<3 { image.rgb[(y * camera.width + x) * 3 + channel] = color[channel] }
      }
    }
    return image
  }

  /// The nearest surface along a ray of unit depth: how deep it is and what colour it has.
  private func cast(
    from eye: SIMD3<Float>, along ray: SIMD3<Float>, _ scene: Scene, _ balls: [Scene.Ball]
  ) -> (depth: Float, color: SIMD3<Float>) {
    // The room is left through one of its six sides.
    var depth = Float.infinity
    var side = 0
    for axis in 0..<3 where ray[axis] != 0 {
      let t = ((ray[axis] > 0 ? scene.size[axis] : 0) - eye[axis]) / ray[axis]
      if t < depth {
        depth = t
        side = axis * 2 + (ray[axis] > 0 ? 1 : 0)
      }
    }
    var material = scene.surfaces[[2, 3, 0, 1, 4, 5][side]]
    var axis = side / 2
    var origin = SIMD3<Float>.zero

    for block in scene.blocks {
      var (enter, leave) = (Float(0.01), Float.infinity)
      var entered = 0
      for a in 0..<3 {
        let (t0, t1) = ((block.low[a] - eye[a]) / ray[a], (block.high[a] - eye[a]) / ray[a])
        if min(t0, t1) > enter { (enter, entered) = (min(t0, t1), a) }
        leave = min(leave, max(t0, t1))
      }
      if enter < leave, enter < depth, enter > 0.01 {
        depth = enter
        material = block.material
        axis = entered
        origin = block.low
      }
    }

    var color: SIMD3<Float>
    let point = eye + ray * depth - origin
    let lit: Float
    switch axis {
    case 0: (color, lit) = (material.color(point.z, point.y), 0.82)
    case 1: (color, lit) = (material.color(point.x, point.z), 1)
    default: (color, lit) = (material.color(point.x, point.y), 0.92)
    }
    color *= lit

    for ball in balls {
      let offset = eye - ball.center
      let (a, b) = ((ray * ray).sum(), (offset * ray).sum())
      let discriminant = b * b - a * ((offset * offset).sum() - ball.radius * ball.radius)
      guard discriminant > 0 else { continue }
      let t = (-b - discriminant.squareRoot()) / a
      if t > 0.05, t < depth {
        depth = t
        let normal = (eye + ray * t - ball.center) / ball.radius
        color = ball.color * (0.55 + 0.45 * max(0, (normal * SIMD3(0.36, 0.8, -0.48)).sum()))
      }
    }
    return (max(depth, 0.05), color / (1 + 0.012 * depth * depth))
  }
}
