import ModelSupport
import Testing

@testable import WorldModel

/// The renderer in a bare room that is simple enough for pencil and paper.
struct SceneTests {
  private let camera = Camera(width: 48, height: 32)
  // 6 m wide, 2.8 m high, 8 m deep; every surface one plain red.
  private func room(blocks: [Scene.Block] = [], balls: [Scene.Ball] = []) -> Scene {
    Scene(
      size: SIMD3(6, 2.8, 8), surfaces: [Material](repeating: plain(SIMD3(1, 0, 0)), count: 6),
      blocks: blocks,
      balls: balls, start: stand)
  }
  // In the middle of the width, 6 m before the far wall.
  private let stand = Pose(x: 3, z: 2, yaw: 0)

  private func plain(_ color: SIMD3<Float>) -> Material {
    var random = SeededGenerator(seed: 0)
    var material = Material(floor: &random)
    (material.pattern, material.first) = (.plain, color)
    // No pattern means an even mix of the two colours.
    material.second = color
    return material
  }

  private func disparity(_ scene: Scene, x: Int, y: Int, pose: Pose? = nil) -> Float {
    Renderer(camera: camera).render(scene, at: 0, from: pose ?? stand).disparity[y * 48 + x]
  }

  @Test func farWallIsAsDeepAsItIsAway() {
    let image = Renderer(camera: camera).render(room(), at: 0, from: stand)
    // Depth runs along the optical axis, so the whole wall is at 6 m.
    #expect(abs(image.disparity[16 * 48 + 24] - 1 / 6) < 1e-6)
    #expect(abs(image.disparity[16 * 48 + 20] - 1 / 6) < 1e-6)
    // Walls across z keep 0.92 of their colour, and 6 m of air leave 1 / (1 + 0.012 · 36): 0.6425.
    #expect(abs(image.rgb[(16 * 48 + 24) * 3] - 0.64246) < 1e-4)
    #expect(image.rgb[(16 * 48 + 24) * 3 + 1] == 0)
  }

  @Test func sideWallAndFloorByTheirAngles() {
    // f = 24 / tan 40° = 28.602 pixels. Pixel column 47 looks 23.5 / f to the right of each metre
    // ahead, so the wall 3 m to the right is met at 3 f / 23.5 = 3.651 m.
    #expect(abs(1 / disparity(room(), x: 47, y: 16) - 3 * 28.602 / 23.5) < 1e-3)
    #expect(abs(1 / disparity(room(), x: 0, y: 16) - 3 * 28.602 / 23.5) < 1e-3)
    // The lowest row looks 15.5 / f down; the floor is 1.3 m below the eye. Depth 2.399 m.
    #expect(abs(1 / disparity(room(), x: 24, y: 31) - 1.3 * 28.602 / 15.5) < 1e-3)
  }

  @Test func turningRightLooksAtTheRightWall() {
    // After a quarter turn to the right the wall 3 m away is ahead.
    #expect(abs(1 / disparity(room(), x: 24, y: 16, pose: Pose(x: 3, z: 2, yaw: .pi / 2)) - 3) < 1e-4)
  }

  @Test func furnitureAndBallsHideTheWall() {
    let box = Scene.Block(low: SIMD3(2, 0, 4), high: SIMD3(4, 2, 5), material: plain(SIMD3(0, 1, 0)))
    #expect(abs(1 / disparity(room(blocks: [box]), x: 24, y: 16) - 2) < 1e-5)
    let ball = Scene.Ball(center: SIMD3(3, 1.3, 5), velocity: .zero, radius: 0.5, color: SIMD3(0, 0, 1))
    // Its front is at 2.5 m; the pixel's centre is half a pixel off the axis, which adds 0.004 m.
    #expect(abs(1 / disparity(room(balls: [ball]), x: 24, y: 16) - 2.5) < 0.01)
  }

  @Test func ballsRollAndBounce() {
    // From x = 5.2 at 0.2 m a frame; the wall at 6 stops the centre at 5.5.
    let ball = Scene.Ball(center: SIMD3(5.2, 0.5, 4), velocity: SIMD3(0.2, 0, 0), radius: 0.5, color: .one)
    let scene = room(balls: [ball])
    #expect(abs(scene.balls(at: 1)[0].center.x - 5.4) < 1e-5)
    #expect(abs(scene.balls(at: 2)[0].center.x - 5.5) < 1e-5)
    #expect(abs(scene.balls(at: 3)[0].center.x - 5.3) < 1e-5)
  }

  @Test func aSeedIsAScene() {
    let config = TinyModel.config
    let walk = Walk(seed: 7, frameCount: 3, config: config)
    let again = Walk(seed: 7, frameCount: 3, config: config)
    #expect(walk.frames == again.frames && walk.poses == again.poses && walk.actions == again.actions)
    #expect(Walk(seed: 8, frameCount: 3, config: config).frames != walk.frames)
    #expect(walk.frames.allSatisfy { $0.rgb.allSatisfy { (0...1).contains($0) } })
  }

  @Test func camerasStayClearOfObstacles() {
    for seed in 0..<50 {
      let scene = Scene(seed: seed)
      let trajectory = Trajectory(in: scene, seed: seed, frameCount: 40)
      #expect(trajectory.poses.allSatisfy { scene.isFree(x: $0.x, z: $0.z) }, "seed \(seed)")
    }
  }
}
