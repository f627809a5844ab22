import ModelSupport
import Testing
import Trace

@testable import WorldModel

struct CameraTests {
  private let poses = [
    Pose(), Pose(x: 0.4, z: -0.2, yaw: 0.3), Pose(x: -1, z: 2, yaw: -1.2), Pose(x: 0.05, z: 0.3, yaw: 0.07),
  ]

  private func expectClose(_ a: Pose, _ b: Pose, _ tolerance: Float = 1e-5) {
    #expect(
      abs(a.x - b.x) < tolerance && abs(a.z - b.z) < tolerance && abs(a.yaw - b.yaw) < tolerance, "\(a) \(b)")
  }

  @Test func movesByHand() {
    // Forward is where the camera looks: ahead at yaw 0, to the right at a quarter turn.
    expectClose(Pose().moved(by: Action(forward: 1, strafe: 0, yaw: 0)), Pose(x: 0, z: 1, yaw: 0))
    expectClose(Pose().moved(by: Action(forward: 1, strafe: 0, yaw: .pi / 2)), Pose(x: 1, z: 0, yaw: .pi / 2))
    expectClose(
      Pose().moved(by: Action(forward: 0, strafe: 1, yaw: .pi / 2)), Pose(x: 0, z: -1, yaw: .pi / 2))
  }

  // Seen from where it started, a move is the action, wherever it started.
  @Test func relativeUndoesWhereOneStands() {
    let action = Action(forward: 0.2, strafe: -0.1, yaw: 0.08)
    for pose in poses {
      expectClose(pose.moved(by: action).relative(to: pose), Pose().moved(by: action))
      expectClose(pose.relative(to: pose), Pose())
      expectClose(pose.relative(to: Pose()), pose)
    }
  }

  @Test func relativePosesCombine() {
    for a in poses {
      for b in poses {
        for c in poses { expectClose(a.relative(to: c), a.relative(to: b).relative(to: c.relative(to: b))) }
      }
    }
  }

  @Test func raymapsDecodeToTheirPose() {
    for pose in poses { expectClose(Raymap.decode(Raymap.encode(pose, Config()), Config()), pose, 1e-4) }
  }

  @Test func aRayByHand() {
    // Token 0 is centred on pixel (2, 2): (-22, 14, f = 28.602) / 38.705, origin in half metres.
    let rays = Raymap.encode(Pose(x: 0.25, z: -1), Config()).values
    for (value, expected) in zip(rays, [-0.56840, 0.36171, 0.73898, 0.5, 0, -2] as [Float]) {
      #expect(abs(value - expected) < 1e-4)
    }
  }

  @Test func framesSurviveTheirTokens() {
    let config = TinyModel.config
    let image = Walk(seed: 1, frameCount: 1, config: config).frames[0]
    var tokens = Tensor(zeros: config.tokens, config.targetChannels)
    Patches.put(image, frame: 1, at: 0, into: &tokens, config)
    let back = Patches.frame(1, of: tokens, config)
    for (a, b) in zip(image.rgb, back.rgb) { #expect(abs(a - b) < 1e-6) }
    for (a, b) in zip(image.disparity, back.disparity) { #expect(abs(min(a, 1.5) - b) < 1e-6) }
  }
}
