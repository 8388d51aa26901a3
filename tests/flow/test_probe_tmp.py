from tests.flow.test_night import walk
def test_x(walk):
    print(walk.printed["07:05"], walk.printed["08:10"])
    for k,n in walk.left("07:45","08:21").items(): print(n,k[0],k[1][:110].replace("\n","|"))
