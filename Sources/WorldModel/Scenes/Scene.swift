import Foundation

/// A procedural room with textured walls, furniture and balls that roll on their own.
///
/// Everything follows from the seed, so any predicted frame can be checked against what really
/// happened. Coordinates in metres: x to the right, y up from the floor, z ahead.
public struct Scene: Sendable {
  struct Block: Sendable {
    var low: SIMD3<Float>
    var high: SIMD3<Float>
    var material: Material
  }

  struct Ball: Sendable {
    var center: SIMD3<Float>
    /// Metres per frame.
    var velocity: SIMD3<Float>
    var radius: Float
    var color: SIMD3<Float>
  }

  /// Inner size of the room.
  let size: SIMD3<Float>
  /// Floor, ceiling, and the walls at low x, high x, low z, high z.
  let surfaces: [Material]
  let blocks: [Block]
  /// Balls at frame 0.
  let balls: [Ball]
  /// Where the camera starts.
  public let start: Pose

  /// A scene put together by hand.
  init(size: SIMD3<Float>, surfaces: [Material], blocks: [Block] = [], balls: [Ball] = [], start: Pose) {
    self.size = size
    self.surfaces = surfaces
    self.blocks = blocks
    self.balls = balls
    self.start = start
  }

  public init(seed: Int) {
    var random = SeededGenerator(seed: seed, purpose: 1)
    let size = SIMD3(random.uniform(5...9), 2.8, random.uniform(5...9))
    self.size = size
    surfaces =
      [Material(floor: &random), Material(ceiling: &random)] + (0..<4).map { _ in Material(wall: &random) }

    let eye = SIMD3(
      random.uniform(1...(size.x - 1)), Camera.eye, random.uniform(1...(size.z - 1)))
    // Look along the longer way to the walls, give or take a quarter turn.
    let inward = atan2(size.x / 2 - eye.x, size.z / 2 - eye.z)
    let start = Pose(x: eye.x, z: eye.z, yaw: inward + random.uniform(-1...1))
    self.start = start

    var blocks: [Block] = []
    for _ in 0..<(3 + random.index(4)) {
      let half = SIMD3(random.uniform(0.25...0.8), 0, random.uniform(0.25...0.8))
      let center = SIMD3(random.uniform(0.3...(size.x - 0.3)), 0, random.uniform(0.3...(size.z - 0.3)))
      let height = random.unit() < 0.3 ? size.y : random.uniform(0.5...1.8)
      let block = Block(
        low: center - half, high: center + half + SIMD3(0, height, 0), material: Material(wall: &random))
      let clearance: Float = 0.9
      let blocked =
        eye.x > block.low.x - clearance && eye.x < block.high.x + clearance
        && eye.z > block.low.z - clearance && eye.z < block.high.z + clearance
      if !blocked { blocks.append(block) }
    }
    self.blocks = blocks

    balls = (0..<(1 + random.index(2))).map { _ in
      let radius = random.uniform(0.25...0.5)
      let ahead = start.turned(SIMD3(random.uniform(-1.2...1.2), 0, random.uniform(1.5...3.5)))
      let heading = random.uniform(0...(2 * .pi))
      let speed = random.uniform(0.05...0.16)
      return Ball(
        center: SIMD3(
          min(max(eye.x + ahead.x, radius), size.x - radius), radius,
          min(max(eye.z + ahead.z, radius), size.z - radius)),
        velocity: SIMD3(cos(heading), 0, sin(heading)) * speed, radius: radius,
        color: SIMD3(random.uniform(0...1), random.uniform(0...1), random.uniform(0...1)))
    }
  }

  /// The balls after some frames; they bounce off the walls and pass through furniture.
  func balls(at frame: Int) -> [Ball] {
    balls.map { ball in
      var ball = ball
      for _ in 0..<frame {
        ball.center += ball.velocity
        for axis in [0, 2] {
          if ball.center[axis] < ball.radius || ball.center[axis] > size[axis] - ball.radius {
            ball.velocity[axis] *= -1
            ball.center[axis] = min(max(ball.center[axis], ball.radius), size[axis] - ball.radius)
          }
        }
      }
      return ball
    }
  }

  /// Whether a camera fits here, a little away from walls and furniture.
  func isFree(x: Float, z: Float) -> Bool {
    let margin: Float = 0.35
    guard x > margin, z > margin, x < size.x - margin, z < size.z - margin else { return false }
    return blocks.allSatisfy {
      x < $0.low.x - margin || x > $0.high.x + margin || z < $0.low.z - margin || z > $0.high.z + margin
    }
  }
}
